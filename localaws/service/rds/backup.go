package rds

import (
	"strings"
	"time"

	"grocery/localaws/store"
)

// backUp makes the daily automated snapshot of each instance that wants one,
// within its backup window (UTC), and drops those past their retention.
func (s *Service) backUp() error {
	now := s.d.Clock.Now().UTC()
	return s.d.Store.Update(func(tx store.Tx) error {
		for _, i := range instances.List(tx, "") {
			if i.Source != "" || !i.Ready {
				continue
			}
			recent := false
			for _, x := range snapshots.List(tx, i.Region+"/rds:"+i.ID+"-") {
				if x.Type != automated || x.Resource != i.Resource {
					continue
				}
				recent = recent || now.Sub(x.Created) < 20*time.Hour
				if now.Sub(x.Created) > time.Duration(i.Settings.Retention)*24*time.Hour && x.Status == available && !x.Delete {
					x.Delete = true
					snapshots.Put(tx, x.key(), x)
				}
			}
			if i.Settings.Retention > 0 && !recent && i.Status == available && within(i.Settings.BackupWindow, now) {
				if err := s.beginSnapshot(tx, &i, "rds:"+i.ID+now.Format("-2006-01-02-15-04"), nil, false); err != nil {
					return err
				}
			}
		}
		return nil
	})
}

// within reports whether a time of day lies in a window such as 23:45-00:15.
func within(window string, t time.Time) bool {
	from, to, _ := strings.Cut(window, "-")
	at := t.Format("15:04")
	if from <= to {
		return from <= at && at < to
	}
	return at >= from || at < to
}

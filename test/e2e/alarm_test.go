//go:build e2e

package e2e

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/mail"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

// The alarms of the deployment that tests share, short and low enough for a
// test: they start after one minute, and what one loop makes of a group of two
// instances counts as busy, also on a machine that does other things: a quarter
// at most, while a group that only serves uses one percent.
var alarmSettings = map[string]string{
	`alarm_email = null`:         `alarm_email = "ops@example.com"`,
	`  cpu_percent         = 80`: `  cpu_percent         = 5`,
	`  load     = 10`:            `  load     = 1`,
	`  shortage = 5`:             `  shortage = 1`,
}

// writeSettings makes the deployment's tfvars file: the example, with the
// settings of the alarms.
func (c *cloud) writeSettings() error {
	dir := filepath.Join(c.infra, "enviroments", "dev")
	raw, err := os.ReadFile(filepath.Join(dir, "dev.tfvars.example"))
	if err != nil {
		return err
	}
	text := string(raw)
	for old, with := range alarmSettings {
		if strings.Count(text, old+"\n") != 1 {
			return fmt.Errorf("dev.tfvars.example has not one line %q", old)
		}
		text = strings.Replace(text, old+"\n", with+"\n", 1)
	}
	return os.WriteFile(filepath.Join(dir, "dev.tfvars"), []byte(text), 0o644)
}

type letter struct {
	to, subject, body string
	at                time.Time
}

// mailbox reads what the topic of alarms has mailed, the oldest first.
func mailbox(t *testing.T) (all []letter) {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(shared.home, "mailbox", "grocery-dev-alarms", "*.eml"))
	if err != nil {
		t.Fatal(err)
	}
	slices.Sort(files)
	for _, file := range files {
		f, err := os.Open(file)
		if err != nil {
			t.Fatal(err)
		}
		m, err := mail.ReadMessage(f)
		if err != nil {
			t.Fatalf("%s: %v", file, err)
		}
		body, err := io.ReadAll(m.Body)
		if err := errors.Join(err, f.Close()); err != nil {
			t.Fatalf("%s: %v", file, err)
		}
		at, err := m.Header.Date()
		if err != nil {
			t.Fatalf("%s: %v", file, err)
		}
		all = append(all, letter{m.Header.Get("To"), m.Header.Get("Subject"), string(body), at})
	}
	return all
}

// mailed waits for the mail that tells that an alarm is in a state, sent after
// a moment, and checks what it says.
func mailed(t *testing.T, within time.Duration, state, alarm string, after time.Time) {
	t.Helper()
	eventually(t, within, state+" mail of "+alarm, func() error {
		var seen []string
		for _, m := range mailbox(t) {
			if m.at.Before(after.Truncate(time.Second)) {
				continue
			}
			seen = append(seen, m.subject)
			if m.subject != fmt.Sprintf("%s: %q in eu-central-1", state, "grocery-dev-"+alarm) {
				continue
			}
			var said struct{ AlarmName, NewStateValue, NewStateReason string }
			if err := json.Unmarshal([]byte(m.body), &said); err != nil {
				t.Fatalf("%v\n%s", err, m.body)
			}
			if m.to != "ops@example.com" || said.AlarmName != "grocery-dev-"+alarm || said.NewStateValue != state || !strings.HasPrefix(said.NewStateReason, "Threshold Crossed: ") {
				t.Errorf("the mail to %s says %+v", m.to, said)
			}
			return nil
		}
		return fmt.Errorf("mails since: %v; %s", seen, standing(t, alarm))
	})
}

// standing tells where an alarm stands.
func standing(t *testing.T, alarm string) string {
	out, _ := shared.aws(t, nil, "cloudwatch", "describe-alarms", "--alarm-names", "grocery-dev-"+alarm, "--query", "MetricAlarms[0].[StateValue,StateReason]", "--output", "text")
	return out
}

var confirmation = regexp.MustCompile(`aws sns (confirm-subscription) --topic-arn (\S+) --token (\S+)`)

// confirmMails does what the reader of the first mail is asked to. Until then
// nothing else is mailed, as on AWS.
func confirmMails(t *testing.T) {
	list := func() string {
		out, err := shared.aws(t, nil, "sns", "list-subscriptions", "--query", "Subscriptions[].[Endpoint,SubscriptionArn]", "--output", "text")
		if err != nil {
			t.Fatal(err, out)
		}
		return out
	}
	if out := list(); out != "ops@example.com\tPendingConfirmation" {
		t.Errorf("before the confirmation: %q", out)
	}
	all := mailbox(t)
	if len(all) != 1 {
		t.Fatalf("%d mails before the confirmation, want the one that asks for it", len(all))
	}
	command := confirmation.FindStringSubmatch(all[0].body)
	if command == nil || all[0].to != "ops@example.com" {
		t.Fatalf("the mail to %s asks for nothing:\n%s", all[0].to, all[0].body)
	}
	if out, err := shared.aws(t, nil, "sns", command[1], "--topic-arn", command[2], "--token", command[3]); err != nil {
		t.Fatal(err, out)
	}
	if out := list(); !strings.HasPrefix(out, "ops@example.com\tarn:aws:sns:eu-central-1:123456789012:grocery-dev-alarms:") {
		t.Errorf("after the confirmation: %q", out)
	}
}

const filler = "/var/tmp/filler"

// trouble is what fillDisk began and alarmsFireAndRecover ends.
var trouble struct {
	full  string // instance with the full disk
	since time.Time
}

// fillDisk fills the disk of one instance and looks no further: its alarm is
// read minutes later, and other tests run meanwhile.
func fillDisk(t *testing.T) {
	ids, _ := instances(t)
	trouble.full, trouble.since = slices.Sorted(maps.Keys(ids))[0], time.Now()
	box := ids[trouble.full]
	// 95 % of what is free, reserved rather than written: the machine keeps it.
	if out, err := inside(t, box, `fallocate -l $(($(df --output=avail -B1 / | tail -1) / 100 * 95)) `+filler); err != nil {
		t.Fatal(err, out)
	}
	out, err := inside(t, box, "df --output=pcent,size -BG / | tail -1")
	var percent, gib int
	if _, scan := fmt.Sscanf(strings.TrimSpace(out), "%d%% %dG", &percent, &gib); err != nil || scan != nil || percent < 90 || gib != 20 {
		t.Errorf("df shows %q, want a disk of 20 GiB, more than 90 %% full: %v", out, err)
	}
}

// alarmsFireAndRecover makes one instance busy while its disk is full and takes
// a target of the other away, reads the mails, makes it good and reads them again.
func alarmsFireAndRecover(t *testing.T) {
	// Only then does what is done here change an alarm's state. The full disk's
	// may have changed already.
	eventually(t, 3*time.Minute, "every alarm has seen its metric, and nothing wrong", func() error {
		out, err := shared.aws(t, nil, "cloudwatch", "describe-alarms", "--query", "MetricAlarms[].[AlarmName,StateValue]", "--output", "json")
		var all [][2]string
		if err != nil || json.Unmarshal([]byte(out), &all) != nil || len(all) == 0 {
			t.Fatal(err, out)
		}
		for _, a := range all {
			if a[1] != "OK" && !(a[1] == "ALARM" && a[0] == "grocery-dev-disk") {
				return fmt.Errorf("%s is %s", a[0], a[1])
			}
		}
		return nil
	})
	ids, _ := instances(t)
	if trouble.full == "" || ids[trouble.full] == "" {
		fillDisk(t) // this test alone, or the instance was replaced
	}
	var victim string
	for id := range ids {
		if id != trouble.full {
			victim = id
		}
	}
	start := time.Now()
	busy := ids[trouble.full]
	// One loop is at most one of this machine's processors, and half of the
	// instance's two; it ends by itself when nobody ends it.
	if out, err := exec.CommandContext(t.Context(), "docker", "exec", "-d", busy, "timeout", "300", "bash", "-c", "echo $$ > /tmp/burn; while :; do :; done").CombinedOutput(); err != nil {
		t.Fatal(err, string(out))
	}
	if out, err := inside(t, ids[victim], "docker stop -t 1 frontend"); err != nil {
		t.Fatal(err, out)
	}

	mailed(t, 3*time.Minute, "ALARM", "disk", trouble.since)
	disk := time.Now()
	if out, err := inside(t, busy, "rm "+filler); err != nil {
		t.Fatal(err, out)
	}
	mailed(t, 3*time.Minute, "ALARM", "unhealthy-frontend", start)
	mailed(t, 3*time.Minute, "ALARM", "cpu", start)
	idle := time.Now()
	if out, err := inside(t, busy, "kill $(cat /tmp/burn)"); err != nil {
		t.Fatal(err, out)
	}
	mailed(t, 3*time.Minute, "OK", "disk", disk)
	mailed(t, 3*time.Minute, "OK", "cpu", idle)
	mailed(t, 3*time.Minute, "OK", "unhealthy-frontend", start)
	twoHealthy(t, victim)
}

// failedRestoreWasMailed looks for the mail of the dump that was refused.
func failedRestoreWasMailed(t *testing.T) {
	mailed(t, 2*time.Minute, "ALARM", "restore-failed", time.Time{})
}

// releasesRaiseNoAlarm looks at what alarms did while the group replaced its
// instances by a release.
func releasesRaiseNoAlarm(t *testing.T) {
	var refreshes []struct {
		StartTime, EndTime stamp
	}
	out, err := shared.aws(t, nil, "autoscaling", "describe-instance-refreshes", "--auto-scaling-group-name", "grocery-dev-asg", "--query", "InstanceRefreshes[?Status=='Successful'].{StartTime:StartTime,EndTime:EndTime}", "--output", "json")
	if err != nil || json.Unmarshal([]byte(out), &refreshes) != nil {
		t.Fatal(err, out)
	}
	if len(refreshes) == 0 {
		t.Fatal("there was no release to look at")
	}
	var changes []struct {
		AlarmName, HistorySummary string
		Timestamp                 stamp
	}
	out, err = shared.aws(t, nil, "cloudwatch", "describe-alarm-history", "--history-item-type", "StateUpdate", "--query", "AlarmHistoryItems[].{AlarmName:AlarmName,HistorySummary:HistorySummary,Timestamp:Timestamp}", "--output", "json")
	if err != nil || json.Unmarshal([]byte(out), &changes) != nil {
		t.Fatal(err, out)
	}
	for _, r := range refreshes {
		for _, c := range changes {
			sick := strings.Contains(c.AlarmName, "unhealthy") || strings.Contains(c.AlarmName, "5xx")
			if sick && strings.HasSuffix(c.HistorySummary, "to ALARM") && c.Timestamp.After(r.StartTime.Time) && c.Timestamp.Before(r.EndTime.Add(2*time.Minute)) {
				t.Errorf("the release of %s raised %s at %s", r.StartTime.Format(time.TimeOnly), c.AlarmName, c.Timestamp.Format(time.TimeOnly))
			}
		}
	}
}

// stamp is a time as the AWS CLI prints it: for some services as text, for some
// as seconds.
type stamp struct{ time.Time }

func (s *stamp) UnmarshalJSON(b []byte) error {
	if seconds, err := strconv.ParseFloat(string(b), 64); err == nil {
		s.Time = time.UnixMilli(int64(seconds * 1000))
		return nil
	}
	return json.Unmarshal(b, &s.Time)
}

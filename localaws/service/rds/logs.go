package rds

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"grocery/localaws/runtime"
	"grocery/localaws/service/internal/ptr"
	"grocery/localaws/store"
	"grocery/localaws/wire"
	"grocery/localaws/wire/api/logsapi"
	api "grocery/localaws/wire/api/rdsapi"
)

// logFile is one log file of an instance; AWS shows it below error/.
type logFile struct {
	Name     string
	Size     int64
	Modified time.Time
}

// logPosition is how far an instance's log has been exported.
type logPosition struct {
	File   string `json:"file"`
	Offset int64  `json:"offset"`
}

var logPositions = store.Table[logPosition]{Name: "rds_log_positions"}

const logFolder = "/rds/log"

// logFiles lists an instance's log files, oldest first. Those older than the
// retention period are removed.
func (s *Service) logFiles(ctx context.Context, i *instance) ([]logFile, error) {
	keep := ptr.NonZero(i.Params["rds.log_retention_period"])
	out, err := s.d.Runtime.Exec(ctx, i.container(), runtime.ExecSpec{Cmd: []string{"sh", "-c",
		`find ` + logFolder + ` -name 'postgresql.log.*' -mmin "+$1" -delete; find ` + logFolder + ` -name 'postgresql.log.*' -printf '%f %s %T@\n' | sort`, "list", ptr.Or(keep, "4320")}})
	if err != nil {
		return nil, err
	}
	if out.ExitCode != 0 {
		return nil, fmt.Errorf("list the logs: %s", bytes.TrimSpace(out.Stderr))
	}
	var all []logFile
	for line := range strings.Lines(string(out.Stdout)) {
		f := strings.Fields(line)
		if len(f) != 3 {
			continue
		}
		size, err1 := strconv.ParseInt(f[1], 10, 64)
		at, err2 := strconv.ParseFloat(f[2], 64)
		if err := errors.Join(err1, err2); err != nil {
			return nil, err
		}
		all = append(all, logFile{f[0], size, time.Unix(0, int64(at*1e9))})
	}
	return all, nil
}

// readLog returns up to limit bytes of a log file from offset.
func (s *Service) readLog(ctx context.Context, i *instance, name string, offset, limit int64) ([]byte, error) {
	out, err := s.d.Runtime.Exec(ctx, i.container(), runtime.ExecSpec{Cmd: []string{"sh", "-c", `tail -c "+$2" -- "$1" | head -c "$3"`, "read", path.Join(logFolder, name), strconv.FormatInt(offset+1, 10), strconv.FormatInt(limit, 10)}})
	if err == nil && out.ExitCode != 0 {
		err = fmt.Errorf("read the log %s: %s", name, bytes.TrimSpace(out.Stderr))
	}
	return out.Stdout, err
}

// logOwner finds the instance whose logs are asked for.
func (s *Service) logOwner(ctx context.Context, id string) (i instance, err error) {
	err = s.d.Store.View(func(tx store.Tx) (err error) { i, err = get(ctx, tx, id); return err })
	if err == nil && (s.d.APIOnly || i.Status == creating || i.Status == stopped || i.Delete) {
		err = wire.Errorf(400, "DBInstanceNotReady", "The instance %s is %s: its logs cannot be read.", i.ID, i.Status)
	}
	return i, err
}

func (s *Service) describeDBLogFiles(ctx context.Context, in *api.DescribeDBLogFilesInput) (*api.DescribeDBLogFilesOutput, error) {
	i, err := s.logOwner(ctx, *in.DBInstanceIdentifier)
	if err != nil {
		return nil, err
	}
	all, err := s.logFiles(ctx, &i)
	if err != nil {
		return nil, err
	}
	all = slices.DeleteFunc(all, func(f logFile) bool {
		return !strings.Contains(f.Name, ptr.Val(in.FilenameContains)) || f.Size < ptr.Val(in.FileSize) || f.Modified.UnixMilli() < ptr.Val(in.FileLastWritten)
	})
	out := &api.DescribeDBLogFilesOutput{}
	all, out.Marker, err = cut(all, func(f logFile) string { return f.Name }, in.Marker, in.MaxRecords)
	for _, f := range all {
		out.DescribeDBLogFiles = append(out.DescribeDBLogFiles, api.DescribeDBLogFilesDetails{LogFileName: new("error/" + f.Name), Size: &f.Size, LastWritten: new(f.Modified.UnixMilli())})
	}
	return out, err
}

var logName = regexp.MustCompile(`^error/(postgresql\.log\.[0-9-]+)$`)

// downloadDBLogFilePortion returns a file in portions of up to 1 MB; the marker
// is the offset.
func (s *Service) downloadDBLogFilePortion(ctx context.Context, in *api.DownloadDBLogFilePortionInput) (*api.DownloadDBLogFilePortionOutput, error) {
	i, err := s.logOwner(ctx, *in.DBInstanceIdentifier)
	if err != nil {
		return nil, err
	}
	m := logName.FindStringSubmatch(*in.LogFileName)
	all, err := s.logFiles(ctx, &i)
	if err != nil {
		return nil, err
	}
	if m == nil || !slices.ContainsFunc(all, func(f logFile) bool { return f.Name == m[1] }) {
		return nil, wire.Errorf(404, "DBLogFileNotFoundFault", "The log file %s does not exist.", *in.LogFileName)
	}
	offset, err := strconv.ParseInt(ptr.Or(in.Marker, "0"), 10, 64)
	if err != nil || offset < 0 {
		return nil, wire.Errorf(400, invalidValue, "The marker %s is not valid.", *in.Marker)
	}
	const limit = 1 << 20
	text, err := s.readLog(ctx, &i, m[1], offset, limit)
	if err != nil {
		return nil, err
	}
	more := len(text) == limit
	if n := ptr.Val(in.NumberOfLines); n > 0 && bytes.Count(text, []byte("\n")) > int(n) {
		lines := bytes.SplitAfter(text, []byte("\n"))
		if in.Marker == nil { // without a marker the last lines are meant
			text = bytes.Join(lines[len(lines)-1-int(n):], nil)
		} else {
			kept := bytes.Join(lines[:n], nil)
			more, text = true, kept
		}
	}
	return &api.DownloadDBLogFilePortionOutput{LogFileData: new(string(text)), AdditionalDataPending: &more, Marker: new(strconv.FormatInt(offset+int64(len(text)), 10))}, nil
}

// exportLogs sends what instances logged since the last time to CloudWatch
// Logs, if they want that.
func (s *Service) exportLogs(ctx context.Context) error {
	if s.d.APIOnly {
		return nil
	}
	var all []instance
	if err := s.d.Store.View(func(tx store.Tx) error { all = instances.List(tx, ""); return nil }); err != nil {
		return err
	}
	var errs []error
	for _, i := range all {
		if i.Status != available || !slices.Contains(i.Settings.LogTypes, "postgresql") {
			continue
		}
		if err := s.exportLog(ctx, &i); err != nil {
			errs = append(errs, fmt.Errorf("logs of %s: %w", i.ID, err))
		}
	}
	return errors.Join(errs...)
}

func (s *Service) exportLog(ctx context.Context, i *instance) error {
	var at logPosition
	if err := s.d.Store.View(func(tx store.Tx) error { at, _ = logPositions.Get(tx, i.key()); return nil }); err != nil {
		return err
	}
	files, err := s.logFiles(ctx, i)
	if err != nil {
		return err
	}
	for _, f := range files {
		if f.Name < at.File {
			continue
		}
		if f.Name > at.File {
			at = logPosition{File: f.Name}
		}
		for at.Offset < f.Size {
			text, err := s.readLog(ctx, i, f.Name, at.Offset, 256<<10)
			if err != nil {
				return err
			}
			end := bytes.LastIndexByte(text, '\n') + 1
			if end == 0 {
				if len(text) < 256<<10 {
					break // the line is not finished yet
				}
				end = len(text)
			}
			if err := s.sendLog(ctx, i, text[:end]); err != nil {
				return err
			}
			at.Offset += int64(end)
			if err := s.d.Store.Update(func(tx store.Tx) error { logPositions.Put(tx, i.key(), at); return nil }); err != nil {
				return err
			}
		}
	}
	return nil
}

// sendLog sends whole lines; lines that do not begin with a time belong to the
// one before.
func (s *Service) sendLog(ctx context.Context, i *instance, text []byte) error {
	group, stream := "/aws/rds/instance/"+i.ID+"/postgresql", i.ID+".0"
	as := asRDS(ctx, i.Region)
	now := s.d.Clock.Now().UnixMilli()
	var events []logsapi.InputLogEvent
	for line := range strings.Lines(string(text)) {
		at, known := now, false
		if len(line) > 23 {
			if t, err := time.Parse("2006-01-02 15:04:05 MST", line[:23]); err == nil {
				at, known = t.UnixMilli(), true
			}
		}
		line = strings.TrimSuffix(line, "\n")
		if n := len(events); !known && n > 0 {
			*events[n-1].Message += "\n" + line
			continue
		}
		if line != "" {
			events = append(events, logsapi.InputLogEvent{Message: &line, Timestamp: &at})
		}
	}
	if len(events) == 0 {
		return nil
	}
	put := func() error {
		_, err := wire.Invoke(as, s.d.Calls, logsapi.PutLogEvents, &logsapi.PutLogEventsInput{LogGroupName: &group, LogStreamName: &stream, LogEvents: events})
		return err
	}
	err := put()
	if wire.Code(err) != "ResourceNotFoundException" {
		return err
	}
	if _, err := wire.Invoke(as, s.d.Calls, logsapi.CreateLogGroup, &logsapi.CreateLogGroupInput{LogGroupName: &group}); err != nil && wire.Code(err) != "ResourceAlreadyExistsException" {
		return err
	}
	if _, err := wire.Invoke(as, s.d.Calls, logsapi.CreateLogStream, &logsapi.CreateLogStreamInput{LogGroupName: &group, LogStreamName: &stream}); err != nil && wire.Code(err) != "ResourceAlreadyExistsException" {
		return err
	}
	return put()
}

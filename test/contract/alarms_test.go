package contract_test

import (
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// TestReadmeListsTheAlarms compares the table of section 11 with the monitoring
// module: with the names its own test demands, and with the metrics and limits
// in its source.
func TestReadmeListsTheAlarms(t *testing.T) {
	_, section, _ := strings.Cut(read(t, "../../README.md"), "\n## 11. ")
	section, _, _ = strings.Cut(section, "\n## ")
	source := read(t, filepath.Join(infra, "modules/monitoring/alarms.tf"))
	row := regexp.MustCompile("(?m)^\\| `([a-z0-9-]+)` \\| (\\S+) ([A-Za-z0-9_]+)[^|]* \\| (.*) \\| (.*) \\|$")
	var names []string
	metrics := map[string]bool{}
	for _, m := range row.FindAllStringSubmatch(section, -1) {
		names = append(names, m[1])
		metrics[m[3]] = true
		if !strings.Contains(source, `"`+m[3]+`"`) || m[2] != "CWAgent" && !strings.Contains(source, `"`+m[2]+`"`) {
			t.Errorf("%s: no alarm watches %s of %s", m[1], m[3], m[2])
		}
		for _, setting := range regexp.MustCompile("`([a-z_]+)`").FindAllStringSubmatch(m[4]+m[5], -1) {
			if !strings.Contains(source, "var.thresholds."+setting[1]) && !strings.Contains(source, "var.minutes."+setting[1]) {
				t.Errorf("%s: no alarm is set by %s", m[1], setting[1])
			}
		}
	}
	for _, m := range regexp.MustCompile(`(?m)(?:metric\s+= |_Count = |failed = |out = |5xx = )"([A-Za-z0-9_]+)"`).FindAllStringSubmatch(source, -1) {
		if !metrics[m[1]] {
			t.Errorf("the README tells nothing of the alarms on %s", m[1])
		}
	}
	_, list, ok := strings.Cut(read(t, filepath.Join(infra, "modules/monitoring/tests/monitoring.tftest.hcl")), "toset(keys(aws_cloudwatch_metric_alarm.this)) == toset([")
	list, _, _ = strings.Cut(list, "])")
	var want []string
	for _, m := range regexp.MustCompile(`"([a-z0-9-]+)"`).FindAllStringSubmatch(list, -1) {
		want = append(want, m[1])
	}
	slices.Sort(names)
	slices.Sort(want)
	if !ok || len(want) == 0 || !slices.Equal(names, want) {
		t.Errorf("the README lists %v\nthe module makes %v", names, want)
	}
}

package agent_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/cloudwatch/types"

	"grocery/localaws/guest/agent"
)

const config = `{
  "agent": {"metrics_collection_interval": 60},
  "metrics": {
    "append_dimensions": {"AutoScalingGroupName": "${aws:AutoScalingGroupName}", "InstanceId": "${aws:InstanceId}"},
    "aggregation_dimensions": [["AutoScalingGroupName"], ["InstanceId", "path"]],
    "metrics_collected": {
      "mem": {"measurement": ["mem_used_percent"]},
      "disk": {"measurement": ["used_percent", {"name": "inodes_free", "rename": "InodesFree"}], "resources": ["/"]},
      "netstat": {"measurement": ["tcp_established"]}
    }
  }
}`

var identity = agent.Identity{"${aws:InstanceId}": "i-1", "${aws:AutoScalingGroupName}": "grocery-dev"}

// flat writes a datum as "name unit value dim=value,...".
func flat(d types.MetricDatum) string {
	var dims []string
	for _, x := range d.Dimensions {
		dims = append(dims, *x.Name+"="+*x.Value)
	}
	return fmt.Sprintf("%s %s %.1f %s", *d.MetricName, d.Unit, *d.Value, strings.Join(dims, ","))
}

func TestTheConfigurationNamesMetricsAndDimensions(t *testing.T) {
	c, ignored, err := agent.ParseConfig([]byte(config))
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(ignored, []string{"metrics_collected.netstat"}) || c.Metrics.Namespace != "CWAgent" {
		t.Errorf("ignored %v, namespace %q", ignored, c.Metrics.Namespace)
	}
	m := agent.Meter{StatFS: func(string) (agent.DiskUse, error) {
		return agent.DiskUse{Total: 1000, Free: 500, Available: 400, Inodes: 10, InodesFree: 7}, nil
	}}
	p := c.Metrics.Collected["disk"]
	samples, err := m.Measure("disk", p)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, d := range c.Metrics.Data("disk", p, samples, identity, time.Now()) {
		got = append(got, flat(d))
	}
	want := []string{
		"disk_used_percent Percent 55.6 AutoScalingGroupName=grocery-dev,InstanceId=i-1,device=nvme0n1p1,fstype=xfs,path=/",
		"disk_used_percent Percent 55.6 AutoScalingGroupName=grocery-dev",
		"disk_used_percent Percent 55.6 InstanceId=i-1,path=/",
		"InodesFree Count 7.0 AutoScalingGroupName=grocery-dev,InstanceId=i-1,device=nvme0n1p1,fstype=xfs,path=/",
		"InodesFree Count 7.0 AutoScalingGroupName=grocery-dev",
		"InodesFree Count 7.0 InstanceId=i-1,path=/",
	}
	if !slices.Equal(got, want) {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

func TestAnInstanceInNoGroupLeavesThatDimensionOut(t *testing.T) {
	c, _, err := agent.ParseConfig([]byte(config))
	if err != nil {
		t.Fatal(err)
	}
	data := c.Metrics.Data("mem", c.Metrics.Collected["mem"], []agent.Sample{{Name: "used_percent", Value: 1, Unit: "Percent"}},
		agent.Identity{"${aws:InstanceId}": "i-1"}, time.Now())
	if len(data) != 1 || flat(data[0]) != "mem_used_percent Percent 1.0 InstanceId=i-1" {
		t.Errorf("%d data, first %s", len(data), flat(data[0]))
	}
}

func TestMemoryIsThatOfTheInstance(t *testing.T) {
	meminfo := &fstest.MapFile{Data: []byte("MemTotal:       8000000 kB\nMemFree: 1 kB\n")}
	for rule, root := range map[string]fstest.MapFS{
		"cgroup v1 with a limit": {
			"proc/meminfo": meminfo,
			"sys/fs/cgroup/memory/memory.usage_in_bytes": {Data: []byte("600000000\n")},
			"sys/fs/cgroup/memory/memory.stat":           {Data: []byte("cache 1\nhierarchical_memory_limit 1000000000\ntotal_active_file 200000000\ntotal_inactive_file 150000000\n")},
		},
		"cgroup v2 with a limit": {
			"proc/meminfo":                 meminfo,
			"sys/fs/cgroup/memory.current": {Data: []byte("600000000\n")},
			"sys/fs/cgroup/memory.max":     {Data: []byte("1000000000\n")},
			"sys/fs/cgroup/memory.stat":    {Data: []byte("active_file 200000000\ninactive_file 150000000\n")},
		},
	} {
		t.Run(rule, func(t *testing.T) {
			m := agent.Meter{Root: root}
			samples, err := m.Measure("mem", &agent.Plugin{})
			if err != nil {
				t.Fatal(err)
			}
			i := slices.IndexFunc(samples, func(s agent.Sample) bool { return s.Name == "used_percent" })
			if samples[i].Value != 25 {
				t.Errorf("used %v percent, want 25", samples[i].Value)
			}
		})
	}
}

func TestProcessorUseIsTheShareSinceTheLastReading(t *testing.T) {
	now := time.Unix(1000, 0)
	root := fstest.MapFS{
		"sys/fs/cgroup/cpuacct/cpuacct.usage": {Data: []byte("1000000000\n")},
		"sys/fs/cgroup/cpuacct/cpuacct.stat":  {Data: []byte("user 80\nsystem 20\n")},
	}
	m := agent.Meter{Root: root, CPUs: 2, Now: func() time.Time { return now }}
	if s, err := m.Measure("cpu", &agent.Plugin{}); err != nil || len(s) != 0 {
		t.Fatalf("the first reading: %v, %v", s, err)
	}
	now = now.Add(10 * time.Second)
	root["sys/fs/cgroup/cpuacct/cpuacct.usage"] = &fstest.MapFile{Data: []byte("6000000000\n")}
	root["sys/fs/cgroup/cpuacct/cpuacct.stat"] = &fstest.MapFile{Data: []byte("user 480\nsystem 120\n")}
	s, err := m.Measure("cpu", &agent.Plugin{})
	if err != nil || s[0].Name != "usage_active" || s[0].Value != 25 || s[2].Value != 20 {
		t.Errorf("%+v, %v: want 25 percent active, 20 of them user", s, err)
	}
}

func TestAConfigurationThatMeansNothingIsRefused(t *testing.T) {
	for _, c := range []string{``, `{`, `{"agent": {}}`, `[]`} {
		if _, _, err := agent.ParseConfig([]byte(c)); err == nil {
			t.Errorf("%q is accepted", c)
		}
	}
}

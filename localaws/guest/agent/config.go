package agent

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"time"
)

// Config is the agent's configuration, as far as it is understood here.
type Config struct {
	Agent struct {
		Interval int    `json:"metrics_collection_interval"` // seconds
		Region   string `json:"region"`
	} `json:"agent"`
	Metrics *Metrics `json:"metrics"`
	Logs    *Logs    `json:"logs"`
}

// Metrics is the section of metrics.
type Metrics struct {
	Namespace  string             `json:"namespace"`
	Append     map[string]string  `json:"append_dimensions"`
	Aggregate  [][]string         `json:"aggregation_dimensions"`
	Collected  map[string]*Plugin `json:"metrics_collected"`
	FlushEvery int                `json:"force_flush_interval"` // seconds
}

// Plugin is one kind of metrics.
type Plugin struct {
	Measurement []Measurement     `json:"measurement"`
	Interval    int               `json:"metrics_collection_interval"` // seconds
	Resources   []string          `json:"resources"`
	TotalCPU    *bool             `json:"totalcpu"`
	DropDevice  bool              `json:"drop_device"`
	IgnoreTypes []string          `json:"ignore_file_system_types"`
	Append      map[string]string `json:"append_dimensions"`
}

// Measurement is one metric: a name, or an object that renames it.
type Measurement struct {
	Name   string `json:"name"`
	Rename string `json:"rename"`
	Unit   string `json:"unit"`
}

// UnmarshalJSON reads both forms.
func (m *Measurement) UnmarshalJSON(b []byte) error {
	if err := json.Unmarshal(b, &m.Name); err == nil {
		return nil
	}
	type object Measurement
	return json.Unmarshal(b, (*object)(m))
}

// Logs is the section of log files.
type Logs struct {
	Collected struct {
		Files struct {
			List []LogFile `json:"collect_list"`
		} `json:"files"`
	} `json:"logs_collected"`
	StreamName string `json:"log_stream_name"`
}

// LogFile is a file, or a pattern of files, to be sent.
type LogFile struct {
	Path      string `json:"file_path"`
	Group     string `json:"log_group_name"`
	Stream    string `json:"log_stream_name"`
	Retention int    `json:"retention_in_days"`
}

// Kinds of metrics that are measured here.
var kinds = []string{"mem", "swap", "disk", "cpu"}

// ParseConfig reads a configuration and says what in it has no effect here.
func ParseConfig(b []byte) (c Config, ignored []string, err error) {
	if err := json.Unmarshal(b, &c); err != nil {
		return c, nil, fmt.Errorf("the agent's configuration is no valid JSON: %w", err)
	}
	if c.Metrics == nil && c.Logs == nil {
		return c, nil, errors.New(`the agent's configuration has neither "metrics" nor "logs"`)
	}
	if c.Metrics != nil {
		if c.Metrics.Namespace == "" {
			c.Metrics.Namespace = "CWAgent"
		}
		for kind := range c.Metrics.Collected {
			if !slices.Contains(kinds, kind) {
				ignored = append(ignored, "metrics_collected."+kind)
				delete(c.Metrics.Collected, kind)
			}
		}
		for kind, p := range c.Metrics.Collected {
			if p == nil {
				p = &Plugin{}
				c.Metrics.Collected[kind] = p
			}
			for i, m := range p.Measurement {
				// "used_percent" and "mem_used_percent" mean the same.
				p.Measurement[i].Name = strings.TrimPrefix(m.Name, kind+"_")
			}
		}
	}
	slices.Sort(ignored)
	return c, ignored, nil
}

// interval is how often a kind of metrics is collected.
func (c Config) interval(p *Plugin) time.Duration {
	for _, s := range []int{p.Interval, c.Agent.Interval} {
		if s > 0 {
			return time.Duration(s) * time.Second
		}
	}
	return time.Minute
}

// Where the agent keeps things, as the real one does.
const (
	home       = "/opt/aws/amazon-cloudwatch-agent"
	configFile = home + "/etc/amazon-cloudwatch-agent.json"
)

func loadConfig() (Config, []string, error) {
	b, err := os.ReadFile(configFile)
	if err != nil {
		return Config{}, nil, err
	}
	return ParseConfig(b)
}

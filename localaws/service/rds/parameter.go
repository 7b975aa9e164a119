package rds

import (
	_ "embed"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"sync"

	"grocery/localaws/service/internal/ptr"
	"grocery/localaws/wire"
	api "grocery/localaws/wire/api/rdsapi"
)

// parametersTSV is pg_settings of PostgreSQL 15: name, context, type, unit,
// smallest and largest value, choices, default, description.
//
//go:embed parameters.tsv
var parametersTSV string

// parameter is one setting that a parameter group can hold.
type parameter struct {
	Name, Type, Allowed, Default, Description string
	Static                                    bool // in force after a reboot only
	Fixed                                     bool // RDS sets it itself
	choices                                   []string
	low, high                                 float64
	bounded                                   bool
}

// fixed are the settings that the service decides on.
var fixed = []string{
	"allow_system_table_mods", "archive_", "bonjour", "cluster_name", "config_file", "data_directory", "data_sync_retry", "dynamic_library_path", "dynamic_shared_memory_type", "event_source", "external_pid_file",
	"fsync", "full_page_writes", "hba_file", "hot_standby", "ident_file", "jit_provider", "krb_", "listen_addresses", "log_destination", "log_directory", "log_file_mode", "log_filename", "log_line_prefix", "logging_collector",
	"log_rotation_", "log_timezone", "log_truncate_on_rotation", "max_wal_senders", "max_replication_slots", "min_dynamic_shared_memory", "password_encryption", "port", "primary_", "promote_trigger_file", "recovery_", "restart_after_crash", "restore_command",
	"shared_memory_type", "ssl", "stats_temp_directory", "superuser_reserved_connections", "synchronous_standby_names", "syslog_", "unix_socket_", "wal_level", "wal_sync_method", "zero_damaged_pages", "huge_pages",
}

var settingsOnce = sync.OnceValue(func() map[string]parameter {
	all := map[string]parameter{}
	for line := range strings.Lines(parametersTSV) {
		f := strings.Split(strings.TrimSuffix(line, "\n"), "\t")
		if len(f) != 9 {
			continue
		}
		p := parameter{Name: f[0], Type: map[string]string{"bool": "boolean", "integer": "integer", "real": "float"}[f[2]], Default: f[7], Description: f[8], Static: f[1] == "postmaster"}
		if f[3] != "" {
			p.Description = "(" + f[3] + ") " + p.Description
		}
		switch {
		case f[2] == "bool":
			p.Allowed, p.Default = "0,1", map[string]string{"on": "1", "off": "0"}[p.Default]
		case f[4] != "":
			p.Allowed = f[4] + "-" + f[5]
			p.low, _ = strconv.ParseFloat(f[4], 64)
			p.high, _ = strconv.ParseFloat(f[5], 64)
			p.bounded = true
		case f[6] != "":
			p.Allowed, p.choices = f[6], strings.Split(f[6], ",")
		}
		if p.Type == "" {
			p.Type = "string"
		}
		p.Fixed = slices.ContainsFunc(fixed, func(name string) bool {
			return p.Name == name || strings.HasSuffix(name, "_") && strings.HasPrefix(p.Name, name) || name == "ssl" && strings.HasPrefix(p.Name, "ssl_")
		})
		all[p.Name] = p
	}
	for _, p := range []parameter{
		{Name: "rds.force_ssl", Type: "boolean", Allowed: "0,1", Default: "1", Description: "Force SSL connections."},
		{Name: "rds.logical_replication", Type: "boolean", Allowed: "0,1", Default: "0", Static: true, Description: "Enables logical decoding."},
		{Name: "rds.log_retention_period", Type: "integer", Allowed: "1440-10080", low: 1440, high: 10080, bounded: true, Default: "4320", Description: "Amazon RDS will delete PostgreSQL log that are older than N minutes."},
	} {
		all[p.Name] = p
	}
	// What RDS presets otherwise than PostgreSQL does.
	for name, value := range map[string]string{
		"shared_buffers": "{DBInstanceClassMemory/32768}", "max_connections": "LEAST({DBInstanceClassMemory/9531392},5000)", "effective_cache_size": "{DBInstanceClassMemory/16384}",
		"maintenance_work_mem": "GREATEST({DBInstanceClassMemory*1024/63963136},65536)", "log_min_duration_statement": "-1", "timezone": "UTC", "TimeZone": "UTC",
	} {
		if p, ok := all[name]; ok {
			p.Default = value
			all[name] = p
		}
	}
	return all
})

func (p *parameter) shape(value, source, method string) api.Parameter {
	apply := "dynamic"
	if p.Static {
		apply = "static"
	}
	return api.Parameter{ParameterName: &p.Name, ParameterValue: ptr.NonZero(value), Description: &p.Description, Source: &source, ApplyType: &apply, DataType: &p.Type, AllowedValues: ptr.NonZero(p.Allowed),
		IsModifiable: new(!p.Fixed), ApplyMethod: &method}
}

// check refuses a value the parameter does not take.
func (p *parameter) check(value string) error {
	bad := wire.Errorf(400, invalidValue, "Invalid parameter value: %s for: %s allowed values are: %s", value, p.Name, p.Allowed)
	if strings.ContainsAny(value, "\n\x00") {
		return bad
	}
	if strings.ContainsAny(value, "{(") && (p.Type == "integer" || p.Type == "float") {
		if _, err := evaluate(value, classes["db.t3.micro"]); err != nil {
			return wire.Errorf(400, invalidValue, "The formula %s for %s cannot be read: %v", value, p.Name, err)
		}
		return nil
	}
	switch {
	case p.Type == "boolean" && !slices.Contains([]string{"0", "1", "on", "off", "true", "false"}, strings.ToLower(value)):
		return bad
	case len(p.choices) > 0 && !slices.Contains(p.choices, strings.ToLower(value)):
		return bad
	case p.bounded:
		n, err := strconv.ParseFloat(value, 64)
		if err != nil || n < p.low || n > p.high {
			return bad
		}
	}
	return nil
}

// evaluate computes the formulas that parameter values may be, such as
// LEAST({DBInstanceClassMemory/9531392},5000).
// See https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/USER_ParamValuesRef.html.
func evaluate(text string, c class) (int64, error) {
	e := &expression{text: strings.ReplaceAll(text, " ", ""), memory: float64(c.MemoryMiB << 20)}
	v, err := e.sum()
	if err == nil && e.text != "" {
		err = fmt.Errorf("unexpected %q", e.text)
	}
	if err == nil && (math.IsInf(v, 0) || math.IsNaN(v)) {
		err = fmt.Errorf("no finite value")
	}
	return int64(v), err
}

type expression struct {
	text   string
	memory float64
}

func (e *expression) take(prefix string) bool {
	rest, ok := strings.CutPrefix(e.text, prefix)
	e.text = rest
	return ok
}

func (e *expression) sum() (float64, error) {
	v, err := e.product()
	for err == nil {
		var w float64
		switch {
		case e.take("+"):
			w, err = e.product()
			v += w
		case e.take("-"):
			w, err = e.product()
			v -= w
		default:
			return v, nil
		}
	}
	return v, err
}

func (e *expression) product() (float64, error) {
	v, err := e.term()
	for err == nil {
		var w float64
		switch {
		case e.take("*"):
			w, err = e.term()
			v *= w
		case e.take("/"):
			w, err = e.term()
			v = math.Floor(v / w)
		default:
			return v, nil
		}
	}
	return v, err
}

func (e *expression) term() (float64, error) {
	for name, f := range map[string]func([]float64) float64{
		"LEAST": slices.Min[[]float64], "GREATEST": slices.Max[[]float64],
		"SUM": func(all []float64) (v float64) {
			for _, x := range all {
				v += x
			}
			return v
		},
	} {
		if !e.take(name + "(") {
			continue
		}
		var args []float64
		for {
			v, err := e.sum()
			if err != nil {
				return 0, err
			}
			args = append(args, v)
			if e.take(")") {
				return f(args), nil
			}
			if !e.take(",") {
				return 0, fmt.Errorf("expected a comma or ) at %q", e.text)
			}
		}
	}
	for open, shut := range map[string]string{"{": "}", "(": ")"} {
		if e.take(open) {
			v, err := e.sum()
			if err == nil && !e.take(shut) {
				err = fmt.Errorf("expected %s at %q", shut, e.text)
			}
			return v, err
		}
	}
	if e.take("DBInstanceClassMemory") {
		return e.memory, nil
	}
	n := 0
	for n < len(e.text) && e.text[n] >= '0' && e.text[n] <= '9' {
		n++
	}
	v, err := strconv.ParseFloat(e.text[:n], 64)
	if err != nil {
		return 0, fmt.Errorf("expected a number at %q", e.text)
	}
	e.text = e.text[n:]
	return v, nil
}

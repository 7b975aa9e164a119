package agent

import (
	"bufio"
	"bytes"
	"io/fs"
	"path"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// Sample is one measured value, before configuration names it.
type Sample struct {
	Name  string // without its kind's prefix: used_percent
	Value float64
	Unit  string
	Dims  map[string]string // the kind's own: cpu, or path, device and fstype
}

// Meter measures the instance it runs in. Root is the file system that holds
// proc and sys; StatFS and Now are injected by tests.
type Meter struct {
	Root   fs.FS
	StatFS func(path string) (DiskUse, error)
	Now    func() time.Time
	CPUs   int

	lastCPU map[string]uint64 // cumulative nanoseconds
	lastAt  time.Time
}

// DiskUse is the state of a file system.
type DiskUse struct{ Total, Free, Available, Inodes, InodesFree uint64 }

// statFS asks the kernel.
func statFS(path string) (DiskUse, error) {
	var s syscall.Statfs_t
	if err := syscall.Statfs(path, &s); err != nil {
		return DiskUse{}, err
	}
	size := uint64(s.Bsize)
	return DiskUse{s.Blocks * size, s.Bfree * size, s.Bavail * size, s.Files, s.Ffree}, nil
}

// Measure reads one kind of metrics.
func (m *Meter) Measure(kind string, p *Plugin) ([]Sample, error) {
	switch kind {
	case "mem":
		return m.memory()
	case "swap":
		return m.swap()
	case "disk":
		return m.disk(p)
	default:
		return m.cpu(p)
	}
}

const (
	percent = "Percent"
	byteSum = "Bytes"
	count   = "Count"
)

// memory reads the instance's memory group. Its total is the limit of the
// group, or the machine's memory where there is no limit.
func (m *Meter) memory() ([]Sample, error) {
	info, err := m.table("proc/meminfo")
	if err != nil {
		return nil, err
	}
	total := info["MemTotal"] * 1024
	g, err := m.memoryGroup()
	if err != nil {
		return nil, err
	}
	if g.limit > 0 && g.limit < total {
		total = g.limit
	}
	used := min(g.usage-min(g.cache, g.usage), total)
	available := total - used
	return []Sample{
		{"total", float64(total), byteSum, nil},
		{"used", float64(used), byteSum, nil},
		{"cached", float64(g.cache), byteSum, nil},
		{"buffered", 0, byteSum, nil},
		{"active", float64(g.active), byteSum, nil},
		{"inactive", float64(g.inactive), byteSum, nil},
		{"free", float64(available - min(g.cache, available)), byteSum, nil},
		{"available", float64(available), byteSum, nil},
		{"used_percent", share(used, total), percent, nil},
		{"available_percent", share(available, total), percent, nil},
	}, nil
}

type memoryGroup struct{ usage, limit, cache, active, inactive uint64 }

// memoryGroup reads cgroup v1's or v2's files.
func (m *Meter) memoryGroup() (g memoryGroup, err error) {
	const v1 = "sys/fs/cgroup/memory/"
	if g.usage, err = m.number(v1 + "memory.usage_in_bytes"); err == nil {
		stat, err := m.table(v1 + "memory.stat")
		if err != nil {
			return g, err
		}
		g.limit = stat["hierarchical_memory_limit"]
		g.active = stat["total_active_anon"] + stat["total_active_file"]
		g.inactive = stat["total_inactive_anon"] + stat["total_inactive_file"]
		g.cache = stat["total_active_file"] + stat["total_inactive_file"]
		return g, nil
	}
	const v2 = "sys/fs/cgroup/"
	if g.usage, err = m.number(v2 + "memory.current"); err != nil {
		return g, err
	}
	stat, err := m.table(v2 + "memory.stat")
	if err != nil {
		return g, err
	}
	g.limit, _ = m.number(v2 + "memory.max") // "max" is no number: no limit
	g.active = stat["active_anon"] + stat["active_file"]
	g.inactive = stat["inactive_anon"] + stat["inactive_file"]
	g.cache = stat["active_file"] + stat["inactive_file"]
	return g, nil
}

// swap reports none: instances have no swap.
func (m *Meter) swap() ([]Sample, error) {
	return []Sample{{"used_percent", 0, percent, nil}, {"used", 0, byteSum, nil}, {"free", 0, byteSum, nil}}, nil
}

// The root file system is shown as Amazon Linux 2023 shows its own, so that an
// alarm's dimensions are the same here and there.
const (
	rootDevice = "nvme0n1p1"
	rootType   = "xfs"
)

func (m *Meter) disk(p *Plugin) ([]Sample, error) {
	// An instance here has one file system; "*" and an empty list mean all.
	wanted := len(p.Resources) == 0
	for _, r := range p.Resources {
		if ok, err := path.Match(r, "/"); r == "*" || ok && err == nil {
			wanted = true
		}
	}
	for _, t := range p.IgnoreTypes {
		if t == rootType {
			wanted = false
		}
	}
	if !wanted {
		return nil, nil
	}
	u, err := m.StatFS("/")
	if err != nil {
		return nil, err
	}
	used := u.Total - u.Free
	dims := map[string]string{"path": "/", "fstype": rootType}
	if !p.DropDevice {
		dims["device"] = rootDevice
	}
	return []Sample{
		{"total", float64(u.Total), byteSum, dims},
		{"used", float64(used), byteSum, dims},
		{"free", float64(u.Available), byteSum, dims},
		{"used_percent", share(used, used+u.Available), percent, dims},
		{"inodes_total", float64(u.Inodes), count, dims},
		{"inodes_used", float64(u.Inodes - u.InodesFree), count, dims},
		{"inodes_free", float64(u.InodesFree), count, dims},
	}, nil
}

// cpu reports the share of the processors used since the last reading; the
// first reading has no share yet.
func (m *Meter) cpu(p *Plugin) ([]Sample, error) {
	now := m.Now()
	used, err := m.cpuTimes()
	if err != nil {
		return nil, err
	}
	last, lastAt := m.lastCPU, m.lastAt
	m.lastCPU, m.lastAt = used, now
	if last == nil || !now.After(lastAt) || p.TotalCPU != nil && !*p.TotalCPU {
		return nil, nil
	}
	whole := float64(now.Sub(lastAt).Nanoseconds()) * float64(m.CPUs)
	of := func(key string) float64 {
		return min(100, 100*float64(used[key]-min(last[key], used[key]))/whole)
	}
	dims := map[string]string{"cpu": "cpu-total"}
	active := of("all")
	return []Sample{
		{"usage_active", active, percent, dims},
		{"usage_idle", 100 - active, percent, dims},
		{"usage_user", of("user"), percent, dims},
		{"usage_system", of("system"), percent, dims},
	}, nil
}

// cpuTimes returns nanoseconds of processor time of the instance's group.
func (m *Meter) cpuTimes() (map[string]uint64, error) {
	const v1 = "sys/fs/cgroup/cpuacct/"
	if all, err := m.number(v1 + "cpuacct.usage"); err == nil {
		stat, err := m.table(v1 + "cpuacct.stat")
		if err != nil {
			return nil, err
		}
		const tick = 1e9 / 100 // the kernel's USER_HZ
		return map[string]uint64{"all": all, "user": stat["user"] * tick, "system": stat["system"] * tick}, nil
	}
	stat, err := m.table("sys/fs/cgroup/cpu.stat")
	if err != nil {
		return nil, err
	}
	return map[string]uint64{"all": stat["usage_usec"] * 1000, "user": stat["user_usec"] * 1000, "system": stat["system_usec"] * 1000}, nil
}

// number reads a file that holds one number.
func (m *Meter) number(name string) (uint64, error) {
	b, err := fs.ReadFile(m.Root, name)
	if err != nil {
		return 0, err
	}
	return strconv.ParseUint(strings.TrimSpace(string(b)), 10, 64)
}

// table reads a file of lines "name value" or "name: value".
func (m *Meter) table(name string) (map[string]uint64, error) {
	b, err := fs.ReadFile(m.Root, name)
	if err != nil {
		return nil, err
	}
	out := map[string]uint64{}
	for sc := bufio.NewScanner(bytes.NewReader(b)); sc.Scan(); {
		f := strings.Fields(sc.Text())
		if len(f) < 2 {
			continue
		}
		if n, err := strconv.ParseUint(f[1], 10, 64); err == nil {
			out[strings.TrimSuffix(f[0], ":")] = n
		}
	}
	return out, nil
}

func share(part, whole uint64) float64 {
	if whole == 0 {
		return 0
	}
	return 100 * float64(part) / float64(whole)
}

// processors is how many the instance may use.
func processors() int { return runtime.NumCPU() }

//go:build linux

package linux

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"strconv"
	"strings"

	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/client"

	"grocery/localaws/runtime"
)

// Stats reads a container's meters.
func (r *Runtime) Stats(ctx context.Context, name string) (runtime.Stats, error) {
	st, err := r.InspectContainer(ctx, name)
	if err != nil {
		return runtime.Stats{}, err
	}
	if st.PID == 0 {
		return runtime.Stats{}, fmt.Errorf("container %s: %w", name, runtime.ErrNotRunning)
	}
	res, err := r.engine.ContainerStats(ctx, r.containerName(name), client.ContainerStatsOptions{})
	if err != nil {
		return runtime.Stats{}, r.wrap(err, "metering container", name)
	}
	defer res.Body.Close()
	var s container.StatsResponse
	if err := json.NewDecoder(res.Body).Decode(&s); err != nil {
		return runtime.Stats{}, r.wrap(err, "metering container", name)
	}
	out := runtime.Stats{
		At:               s.Read,
		CPUNanoseconds:   s.CPUStats.CPUUsage.TotalUsage,
		OnlineCPUs:       int(s.CPUStats.OnlineCPUs),
		MemoryBytes:      workingSet(s.MemoryStats),
		MemoryLimitBytes: s.MemoryStats.Limit,
		Processes:        s.PidsStats.Current,
	}
	for _, e := range s.BlkioStats.IoServiceBytesRecursive {
		add(e.Op, e.Value, &out.BlockReadBytes, &out.BlockWriteBytes)
	}
	for _, e := range s.BlkioStats.IoServicedRecursive {
		add(e.Op, e.Value, &out.BlockReadOps, &out.BlockWriteOps)
	}
	// The engine knows nothing of interfaces it did not make.
	dev, err := os.ReadFile(fmt.Sprintf("/proc/%d/net/dev", st.PID))
	if err != nil {
		return out, fmt.Errorf("container %s: %w", name, runtime.ErrNotRunning)
	}
	addInterfaces(dev, &out)
	return out, nil
}

func add(op string, value uint64, read, write *uint64) {
	switch strings.ToLower(op) {
	case "read":
		*read += value
	case "write":
		*write += value
	}
}

// workingSet is memory in use without file cache that can be reclaimed.
func workingSet(m container.MemoryStats) uint64 {
	cache := m.Stats["total_inactive_file"] // cgroup v1
	if v, ok := m.Stats["inactive_file"]; ok && cache == 0 {
		cache = v // cgroup v2
	}
	if cache > m.Usage {
		return 0
	}
	return m.Usage - cache
}

// addInterfaces sums up /proc/net/dev over the interfaces of the network, not
// those of an inner engine.
func addInterfaces(dev []byte, out *runtime.Stats) {
	sc := bufio.NewScanner(bytes.NewReader(dev))
	for sc.Scan() {
		name, counters, ok := strings.Cut(strings.TrimSpace(sc.Text()), ":")
		if !ok || !strings.HasPrefix(name, "eth") {
			continue
		}
		f := strings.Fields(counters)
		if len(f) < 10 {
			continue
		}
		for i, p := range map[int]*uint64{0: &out.NetworkRxBytes, 1: &out.NetworkRxPackets, 8: &out.NetworkTxBytes, 9: &out.NetworkTxPackets} {
			n, _ := strconv.ParseUint(f[i], 10, 64) // the kernel writes numbers
			*p += n
		}
	}
}

// boundingSet returns the capabilities that this process may ever have.
func boundingSet() (uint64, error) {
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return 0, err
	}
	for line := range strings.Lines(string(status)) {
		if hex, ok := strings.CutPrefix(line, "CapBnd:"); ok {
			return strconv.ParseUint(strings.TrimSpace(hex), 16, 64)
		}
	}
	return 0, fmt.Errorf("/proc/self/status tells no bounding set")
}

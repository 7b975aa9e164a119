package bench

import (
	"bytes"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"syscall"
	"testing"
	"time"
)

// process is a server under load, with its log in a file as in production.
type process struct {
	addr string
	log  string
	cmd  *exec.Cmd
	done chan struct{} // closed when it has ended
}

// start starts a server that will listen on addr and answers GET ready with 200 once it
// serves. It returns after that, with the time that took.
func start(b *testing.B, cmd *exec.Cmd, addr, ready string) (*process, time.Duration) {
	b.Helper()
	p := &process{addr: addr, log: filepath.Join(b.TempDir(), "log"), cmd: cmd, done: make(chan struct{})}
	log, err := os.Create(p.log)
	if err != nil {
		b.Fatal(err)
	}
	defer log.Close()
	cmd.Stdout, cmd.Stderr = log, log
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGTERM}
	begin := time.Now()
	started := make(chan error, 1)
	go func() {
		runtime.LockOSThread() // this thread's end would be the server's: keep it waiting
		defer close(p.done)
		err := cmd.Start()
		started <- err
		if err == nil {
			cmd.Wait()
		}
	}()
	if err := <-started; err != nil {
		b.Fatal(err)
	}
	b.Cleanup(p.stop)
	client := &http.Client{Timeout: time.Second, Transport: &http.Transport{DisableKeepAlives: true}}
	for end := begin.Add(20 * time.Second); ; time.Sleep(time.Millisecond) {
		if resp, err := client.Get("http://" + addr + ready); err == nil {
			resp.Body.Close()
			if resp.StatusCode == http.StatusOK {
				return p, time.Since(begin)
			}
		}
		select {
		case <-p.done:
			b.Fatalf("%s ended: %s", cmd, p.tail())
		default:
		}
		if time.Now().After(end) {
			b.Fatalf("%s does not serve: %s", cmd, p.tail())
		}
	}
}

// stop ends the process.
func (p *process) stop() {
	p.cmd.Process.Signal(syscall.SIGTERM)
	select {
	case <-p.done:
	case <-time.After(10 * time.Second):
		p.cmd.Process.Kill()
		<-p.done
	}
}

// resident returns the most memory that the process has had, in bytes.
func (p *process) resident(b *testing.B) (most int64) {
	b.Helper()
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", p.cmd.Process.Pid))
	if err != nil {
		b.Fatal(err)
	}
	_, line, _ := bytes.Cut(status, []byte("\nVmHWM:"))
	if _, err := fmt.Sscanf(string(line), "%d kB", &most); err != nil {
		b.Fatalf("no VmHWM in /proc: %v", err)
	}
	return most << 10
}

// tail is the end of what the process has said.
func (p *process) tail() []byte {
	log, _ := os.ReadFile(p.log)
	return log[max(0, len(log)-2000):]
}

// freeAddr returns an address that was free a moment ago.
func freeAddr(b *testing.B) string {
	b.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

package none_test

import (
	"errors"
	"io"
	"net/netip"
	"testing"

	"grocery/localaws/runtime"
	"grocery/localaws/runtime/none"
)

func TestWhatOneInterfaceServesAnotherReaches(t *testing.T) {
	r := none.New()
	defer r.Close()
	ctx := t.Context()
	if err := r.Attach(ctx, runtime.Interface{ID: "lb", Network: "vpc"}); !errors.Is(err, runtime.ErrNotFound) {
		t.Errorf("attaching to an unknown network: %v", err)
	}
	if err := r.EnsureNetwork(ctx, runtime.Network{ID: "vpc"}); err != nil {
		t.Fatal(err)
	}
	for id, addr := range map[string]string{"lb": "10.0.0.5", "web": "10.0.0.6"} {
		if err := r.Attach(ctx, runtime.Interface{ID: id, Network: "vpc", Addr: netip.MustParseAddr(addr)}); err != nil {
			t.Fatal(err)
		}
	}
	ln, err := r.Listen(ctx, "web", 80)
	if err != nil {
		t.Fatal(err)
	}
	go func() {
		if c, err := ln.Accept(); err == nil {
			io.WriteString(c, "hello")
			c.Close()
		}
	}()
	c, err := r.Dial(ctx, "lb", "tcp", "10.0.0.6:80")
	if err != nil {
		t.Fatal(err)
	}
	if b, _ := io.ReadAll(c); string(b) != "hello" {
		t.Errorf("read %q", b)
	}
	if _, err := r.Dial(ctx, "lb", "tcp", "10.0.0.6:81"); err == nil {
		t.Error("dialling a port nobody listens at succeeded")
	}
}

func TestAContainerLivesUntilItIsStopped(t *testing.T) {
	r := none.New()
	ctx := t.Context()
	st, err := r.EnsureContainer(ctx, runtime.ContainerSpec{Name: "c"})
	if err != nil || st.State != runtime.Running {
		t.Fatalf("%+v, %v", st, err)
	}
	done := make(chan runtime.ContainerStatus)
	go func() { st, _ := r.WaitContainer(ctx, "c"); done <- st }()
	r.Kill("c", 3)
	if st := <-done; st.State != runtime.Exited || st.ExitCode != 3 {
		t.Errorf("%+v", st)
	}
	if _, err := r.Exec(ctx, "c", runtime.ExecSpec{}); !errors.Is(err, runtime.ErrNotRunning) {
		t.Errorf("Exec in a dead container: %v", err)
	}
}

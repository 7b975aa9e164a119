package dump_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"testing"

	"grocery/backend/dump"
)

func TestWhatIsWrittenIsRestoredAsItWas(t *testing.T) {
	from := inUse(t)
	var b bytes.Buffer
	rows, err := dump.Write(t.Context(), connect(t, from), &b)
	if err != nil {
		t.Fatal(err)
	}
	if rows["products"] != oldProducts || rows["orders"] != 3 || rows["order_items"] != 3 {
		t.Errorf("rows %v", rows)
	}
	want := contents(t, from)
	into := shop(t)
	report := restore(t, into, zipped(b.Bytes()))
	if got := contents(t, into); got != want {
		t.Errorf("%s", firstDifference(got, want))
	}
	if report.Shape != dump.NewShop || len(report.Notes) > 0 {
		t.Errorf("report %+v", report)
	}
	t.Run("cut off anywhere it is refused", func(t *testing.T) {
		for part := range 100 {
			_, err := dump.Inspect(bytes.NewReader(b.Bytes()[:b.Len()*part/100]), dump.Limits{})
			if fault := invalidDump(t, err); part > 0 && fault.Code != dump.Truncated {
				t.Errorf("at %d%%: %v", part, err)
			}
		}
	})
	t.Run("psql loads it into an empty shop", func(t *testing.T) {
		into := shop(t)
		into.Exec(t, "DELETE FROM products")
		file := filepath.Join(t.TempDir(), "shop.sql")
		if err := errors.Join(os.WriteFile(file, b.Bytes(), 0o644), os.Chmod(filepath.Dir(file), 0o755), os.Chmod(filepath.Dir(filepath.Dir(file)), 0o755)); err != nil {
			t.Fatal(err)
		}
		into.Load(t, file)
		if got := contents(t, into); got != want {
			t.Errorf("%s", firstDifference(got, want))
		}
	})
}

func TestAFullDiskIsAnErrorOfWriting(t *testing.T) {
	conn := connect(t, inUse(t))
	if _, err := dump.Write(t.Context(), conn, fullDisk{}); !errors.Is(err, errFull) {
		t.Errorf("error %v", err)
	}
}

var errFull = errors.New("no space left on device")

type fullDisk struct{}

func (fullDisk) Write([]byte) (int, error) { return 0, errFull }

// reviewsWithoutEnd is a dump that is made while it is read.
type reviewsWithoutEnd struct {
	n, max int
	buf    bytes.Buffer
}

func (r *reviewsWithoutEnd) Read(p []byte) (int, error) {
	if r.n == 0 {
		r.buf.Write(small(1))
	}
	for r.buf.Len() < len(p) && r.n < r.max {
		r.n++
		fmt.Fprintf(&r.buf, "INSERT INTO reviews VALUES(%d,1,'Guest %d',4.5,'It was %0100d in every way.');\n", r.n, r.n%1000, r.n)
	}
	if r.buf.Len() == 0 {
		return 0, io.EOF
	}
	return r.buf.Read(p)
}

func TestADumpOfAnySizeIsReadInBoundedMemory(t *testing.T) {
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	report, err := dump.Inspect(&reviewsWithoutEnd{max: 200_000}, dump.Limits{})
	runtime.ReadMemStats(&after)
	if err != nil || report.Read["reviews"] != 200_000 || report.PlainBytes < 30<<20 {
		t.Fatalf("%+v, %v", report, err)
	}
	// What the process took from the system more than before, not what it has in use.
	if grown := int64(after.HeapSys) - int64(before.HeapSys); grown > 16<<20 {
		t.Errorf("reading %d bytes took %d bytes of memory", report.PlainBytes, grown)
	}
	t.Logf("%d MiB in %d ms", report.PlainBytes>>20, report.Durations.Read)
}

//go:build linux

package boot

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"mime"
	"mime/multipart"
	"net/mail"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/feature/ec2/imds"
	"golang.org/x/sys/unix"
)

const (
	systemPath = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
	cloudDir   = "/var/lib/cloud"
	// outputLog is where cloud-init writes what user data prints.
	outputLog = "/var/log/cloud-init-output.log"
	// ExitCodeFile holds the exit code of user data once it has run.
	ExitCodeFile = cloudDir + "/data/user-data-exit-code"
)

// runUserData fetches user data and runs it, once in an instance's life, as
// cloud-init does (https://cloudinit.readthedocs.io/en/latest/explanation/boot.html).
// It waits as long as it takes until the metadata service answers: the
// network is attached after the instance has started.
func runUserData(ctx context.Context) error {
	id, data, err := fetchUserData(ctx)
	if err != nil {
		return err
	}
	dir := filepath.Join(cloudDir, "instances", id)
	if err := os.MkdirAll(filepath.Join(dir, "sem"), 0o755); err != nil {
		return err
	}
	if err := relink(filepath.Join(cloudDir, "instance"), dir); err != nil {
		return err
	}
	// The mark comes first: user data that a crash has interrupted is not
	// repeated, since nobody knows how far it came.
	mark, err := os.OpenFile(filepath.Join(dir, "sem", "config_scripts_user"), os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o644)
	if errors.Is(err, os.ErrExist) {
		return nil
	}
	if err != nil {
		return err
	}
	if err := errors.Join(mark.Sync(), mark.Close()); err != nil {
		return err
	}

	code := 0
	scripts, err := scriptsOf(data)
	if err != nil {
		log.Printf("user data is not run: %v", err)
		code = 1
	}
	for i, s := range scripts {
		path := filepath.Join(dir, "scripts", fmt.Sprintf("part-%03d", i+1))
		if c, err := runScript(ctx, path, s); err != nil {
			log.Printf("user data: %v", err)
			code = max(c, 1)
		}
	}
	if ctx.Err() != nil {
		return ctx.Err()
	}
	log.Printf("user data has run, exit code %d", code)
	if err := os.MkdirAll(filepath.Dir(ExitCodeFile), 0o755); err != nil {
		return err
	}
	if err := os.WriteFile(ExitCodeFile, []byte(strconv.Itoa(code)+"\n"), 0o644); err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(dir, "boot-finished"), []byte(time.Now().UTC().Format(time.RFC3339)+"\n"), 0o644)
}

// fetchUserData asks the metadata service who we are and what to run.
func fetchUserData(ctx context.Context) (instanceID string, data []byte, err error) {
	for pause := 50 * time.Millisecond; ; pause = min(2*pause, 2*time.Second) {
		try, cancel := context.WithTimeout(ctx, 3*time.Second)
		instanceID, data, err = askMetadata(try)
		cancel()
		if err == nil || ctx.Err() != nil {
			return instanceID, data, errors.Join(err, ctx.Err())
		}
		select {
		case <-ctx.Done():
			return "", nil, ctx.Err()
		case <-time.After(pause):
		}
	}
}

func askMetadata(ctx context.Context) (instanceID string, data []byte, err error) {
	c := imds.New(imds.Options{})
	id, err := c.GetMetadata(ctx, &imds.GetMetadataInput{Path: "instance-id"})
	if err != nil {
		return "", nil, err
	}
	defer id.Content.Close()
	b, err := io.ReadAll(id.Content)
	if err != nil {
		return "", nil, err
	}
	ud, err := c.GetUserData(ctx, &imds.GetUserDataInput{})
	var status interface{ HTTPStatusCode() int }
	if errors.As(err, &status) && status.HTTPStatusCode() == 404 {
		return string(b), nil, nil
	}
	if err != nil {
		return "", nil, err
	}
	defer ud.Content.Close()
	data, err = io.ReadAll(ud.Content)
	return string(b), data, err
}

// scriptsOf unpacks user data: a script, a compressed one, or a MIME message
// with scripts as its parts.
func scriptsOf(data []byte) ([][]byte, error) {
	if bytes.HasPrefix(data, []byte{0x1f, 0x8b}) {
		z, err := gzip.NewReader(bytes.NewReader(data))
		if err != nil {
			return nil, fmt.Errorf("unpacking: %w", err)
		}
		if data, err = io.ReadAll(z); err != nil {
			return nil, fmt.Errorf("unpacking: %w", err)
		}
	}
	switch trimmed := bytes.TrimSpace(data); {
	case len(trimmed) == 0:
		return nil, nil
	case bytes.HasPrefix(data, []byte("#!")):
		return [][]byte{data}, nil
	case bytes.HasPrefix(bytes.ToLower(trimmed), []byte("content-type: multipart/")),
		bytes.HasPrefix(bytes.ToLower(trimmed), []byte("mime-version:")):
		return mimeParts(trimmed)
	default:
		return nil, errors.New(`it is no script: it must begin with "#!", or be a MIME message of scripts`)
	}
}

func mimeParts(data []byte) ([][]byte, error) {
	msg, err := mail.ReadMessage(bytes.NewReader(data))
	if err != nil {
		return nil, fmt.Errorf("MIME message: %w", err)
	}
	_, params, err := mime.ParseMediaType(msg.Header.Get("Content-Type"))
	if err != nil {
		return nil, fmt.Errorf("MIME message: %w", err)
	}
	var scripts [][]byte
	for r := multipart.NewReader(msg.Body, params["boundary"]); ; {
		p, err := r.NextPart()
		if err == io.EOF {
			return scripts, nil
		}
		if err != nil {
			return nil, fmt.Errorf("MIME message: %w", err)
		}
		kind, _, _ := strings.Cut(p.Header.Get("Content-Type"), ";")
		if kind != "text/x-shellscript" {
			return nil, fmt.Errorf("MIME message: a part of type %q: only text/x-shellscript is run here", kind)
		}
		b, err := io.ReadAll(p)
		if err != nil {
			return nil, fmt.Errorf("MIME message: %w", err)
		}
		scripts = append(scripts, b)
	}
}

// runScript runs a script as root, without a terminal and with the little
// environment that a boot script has.
func runScript(ctx context.Context, path string, script []byte) (code int, err error) {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return 0, err
	}
	if err := os.WriteFile(path, script, 0o700); err != nil {
		return 0, err
	}
	out, err := os.OpenFile(outputLog, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o640)
	if err != nil {
		return 0, err
	}
	defer out.Close()
	cmd := exec.CommandContext(ctx, path)
	cmd.Dir = "/"
	cmd.Env = []string{"PATH=" + systemPath, "LANG=C.UTF-8"}
	cmd.Stdout, cmd.Stderr = out, out // a file, not a pipe: what stays in the background may go on writing
	cmd.SysProcAttr = &unix.SysProcAttr{Setsid: true}
	// The whole group, at shutdown: what the script has started included.
	cmd.Cancel = func() error { return unix.Kill(-cmd.Process.Pid, unix.SIGTERM) }
	at, err := out.Seek(0, io.SeekEnd)
	if err != nil {
		return 0, err
	}
	done := make(chan struct{})
	copied := make(chan struct{})
	go func() { showOnConsole(outputLog, at, done); close(copied) }()
	err = cmd.Run()
	close(done)
	<-copied
	return cmd.ProcessState.ExitCode(), err
}

// showOnConsole copies what is added to a log from a place on to the
// instance's console, until done.
func showOnConsole(path string, at int64, done <-chan struct{}) {
	f, err := os.Open(path)
	if err != nil {
		log.Printf("console: %v", err)
		return
	}
	defer f.Close()
	for last := false; ; {
		n, err := io.Copy(os.Stdout, io.NewSectionReader(f, at, 1<<62))
		at += n
		if last || err != nil {
			return
		}
		select {
		case <-done:
			last = true
		case <-time.After(200 * time.Millisecond):
		}
	}
}

// relink points a symbolic link to a folder.
func relink(link, target string) error {
	if err := os.Remove(link); err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	return os.Symlink(target, link)
}

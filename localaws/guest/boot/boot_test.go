//go:build linux

package boot_test

import (
	"bytes"
	"compress/gzip"
	"testing"

	"grocery/localaws/guest/boot"
)

func gz(s string) []byte {
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	w.Write([]byte(s))
	w.Close()
	return b.Bytes()
}

const message = "MIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=\"B\"\r\n\r\n" +
	"--B\r\nContent-Type: text/x-shellscript; charset=us-ascii\r\n\r\n#!/bin/sh\necho one\r\n" +
	"--B\r\nContent-Type: text/x-shellscript\r\n\r\n#!/bin/sh\necho two\r\n--B--\r\n"

func TestWhatUserDataIsRun(t *testing.T) {
	for _, c := range []struct {
		rule  string
		data  []byte
		count int
		fails bool
	}{
		{"a script", []byte("#!/bin/sh\ntrue\n"), 1, false},
		{"a compressed script", gz("#!/bin/sh\ntrue\n"), 1, false},
		{"nothing", nil, 0, false},
		{"white space is nothing", []byte(" \n"), 0, false},
		{"each script of a message", []byte(message), 2, false},
		{"a compressed message", gz(message), 2, false},
		{"a part of another kind is refused", []byte("Content-Type: multipart/mixed; boundary=B\r\n\r\n--B\r\nContent-Type: text/cloud-config\r\n\r\nx: 1\r\n--B--\r\n"), 0, true},
		{"text that is no script is refused", []byte("echo hello\n"), 0, true},
		{"a damaged archive is refused", gz("#!/bin/sh\n")[:14], 0, true},
	} {
		t.Run(c.rule, func(t *testing.T) {
			scripts, err := boot.ScriptsOf(c.data)
			if (err != nil) != c.fails || len(scripts) != c.count {
				t.Errorf("%d scripts, error %v", len(scripts), err)
			}
		})
	}
}

func TestSystemctlRefusesWhatItDoesNotKnow(t *testing.T) {
	for _, c := range []struct {
		rule string
		args []string
		code int
	}{
		{"starting an unknown unit", []string{"start", "nginx"}, 5},
		{"status of an unknown unit", []string{"status", "nginx"}, 4},
		{"enabling an unknown unit", []string{"enable", "--now", "nginx"}, 1},
		{"no verb", nil, 1},
		{"an unknown verb", []string{"mask", "docker"}, 1},
		{"reloading is nothing to do", []string{"daemon-reload"}, 0},
	} {
		t.Run(c.rule, func(t *testing.T) {
			if code := boot.Systemctl(c.args); code != c.code {
				t.Errorf("exit code %d, want %d", code, c.code)
			}
		})
	}
}

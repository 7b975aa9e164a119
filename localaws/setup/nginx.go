package setup

import (
	"archive/tar"
	"bytes"
	"cmp"
	"debug/elf"
	"fmt"
	"io"
	"maps"
	"path"
	"slices"
	"strings"
)

// nginxRules say what of nginx's Debian package and its dependencies is taken.
var nginxRules = struct {
	Programs []string // with the libraries they need
	Take     []string // files as they are
	Applets  []string // of busybox
	Empty    []string // folders
	Files    map[string]string
}{
	Programs: []string{"usr/sbin/nginx", "bin/busybox"},
	Take:     []string{"etc/nginx/mime.types"},
	Applets: []string{
		"ash", "basename", "cat", "chmod", "cp", "cut", "date", "dirname", "echo", "env", "expr", "find", "grep", "head", "id",
		"ls", "mkdir", "mktemp", "mv", "nc", "nslookup", "printf", "ps", "rm", "sed", "sh", "sleep", "sort", "tail", "tee",
		"test", "tr", "true", "wc", "wget",
	},
	Empty: []string{"etc/nginx/conf.d", "tmp", "run", "root", "var/lib/nginx", "var/log/nginx", "var/cache/nginx", "usr/share/nginx/html", "proc", "sys", "dev"},
	Files: map[string]string{
		"etc/passwd":           "root:x:0:0:root:/root:/bin/sh\nwww-data:x:33:33:www-data:/var/www:/usr/sbin/nologin\nnginx:x:101:101:nginx:/nonexistent:/usr/sbin/nologin\nnobody:x:65534:65534:nobody:/nonexistent:/usr/sbin/nologin\n",
		"etc/group":            "root:x:0:\nwww-data:x:33:\nnginx:x:101:\nnogroup:x:65534:\n",
		"etc/nsswitch.conf":    "passwd: files\ngroup: files\nhosts: files dns\n",
		"etc/nginx/nginx.conf": nginxConf,
	},
}

// nginxConf is the main configuration of the public nginx image, so that a
// site's file in conf.d works on either.
const nginxConf = `user nginx;
worker_processes auto;
error_log /var/log/nginx/error.log notice;
pid /run/nginx.pid;
events {
    worker_connections 1024;
}
http {
    include /etc/nginx/mime.types;
    default_type application/octet-stream;
    log_format main '$remote_addr - $remote_user [$time_local] "$request" '
                    '$status $body_bytes_sent "$http_referer" '
                    '"$http_user_agent" "$http_x_forwarded_for"';
    access_log /var/log/nginx/access.log main;
    sendfile on;
    keepalive_timeout 65;
    include /etc/nginx/conf.d/*.conf;
}
`

// nginxChanges are the image's settings. (An imported image cannot have a stop
// signal; whoever builds on it sets one.)
var nginxChanges = []string{
	"ENV PATH=" + systemPath,
	"EXPOSE 80",
	`CMD ["nginx", "-g", "daemon off;"]`,
}

// entry is a file of an archive.
type entry struct {
	header  *tar.Header
	content []byte
}

// pickNginx copies nginx, busybox and the libraries they need from the archive
// of a Debian root to that of an image.
func pickNginx(root io.Reader, out io.Writer) error {
	all, err := readRoot(root)
	if err != nil {
		return fmt.Errorf("reading the Debian root: %w", err)
	}
	picked := map[string]entry{}
	for _, p := range nginxRules.Programs {
		if err := pickProgram(all, picked, p); err != nil {
			return err
		}
	}
	for _, name := range nginxRules.Take {
		e, ok := all[name]
		if !ok {
			return fmt.Errorf("the package has no %s", name)
		}
		picked[name] = e
	}
	for _, a := range nginxRules.Applets {
		picked["bin/"+a] = entry{header: &tar.Header{Typeflag: tar.TypeSymlink, Linkname: "busybox", Mode: 0o777}}
	}
	for name, content := range nginxRules.Files {
		picked[name] = entry{&tar.Header{Mode: 0o644}, []byte(content)}
	}
	for log, target := range map[string]string{"access.log": "/dev/stdout", "error.log": "/dev/stderr"} {
		picked["var/log/nginx/"+log] = entry{header: &tar.Header{Typeflag: tar.TypeSymlink, Linkname: target, Mode: 0o777}}
	}
	return writeRoot(out, picked)
}

// readRoot keeps what may be wanted of a root: not the bulk of it.
func readRoot(root io.Reader) (map[string]entry, error) {
	all := map[string]entry{}
	for tr := tar.NewReader(root); ; {
		h, err := tr.Next()
		if err == io.EOF {
			return all, nil
		}
		if err != nil {
			return nil, err
		}
		name := strings.TrimPrefix(path.Clean(h.Name), "./")
		wanted := slices.Contains(nginxRules.Take, name) || slices.Contains(nginxRules.Programs, name) ||
			strings.HasPrefix(name, "lib") || strings.HasPrefix(name, "usr/lib/") && strings.Contains(name, ".so") ||
			strings.HasPrefix(name, "usr/lib/") && strings.Contains(path.Base(name), "linux-gnu")
		if !wanted {
			continue
		}
		e := entry{header: h}
		if h.Typeflag == tar.TypeReg {
			if e.content, err = io.ReadAll(tr); err != nil {
				return nil, err
			}
		}
		all[name] = e
	}
}

// pickProgram takes a program or library with everything it is linked to.
func pickProgram(all, picked map[string]entry, name string) error {
	if _, done := picked[name]; done {
		return nil
	}
	e, ok := all[name]
	if !ok {
		return fmt.Errorf("the package has no %s", name)
	}
	picked[name] = e
	if e.header.Typeflag == tar.TypeSymlink {
		target := e.header.Linkname
		if !path.IsAbs(target) {
			target = path.Join(path.Dir(name), target)
		}
		return pickProgram(all, picked, strings.TrimPrefix(path.Clean(target), "/"))
	}
	bin, err := elf.NewFile(bytes.NewReader(e.content))
	if err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	defer bin.Close()
	needed, err := bin.ImportedLibraries()
	if err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	for _, prog := range bin.Progs {
		if prog.Type == elf.PT_INTERP {
			b, err := io.ReadAll(prog.Open())
			if err != nil {
				return err
			}
			needed = append(needed, strings.TrimRight(string(b), "\x00"))
		}
	}
	for _, lib := range needed {
		found, err := findLibrary(all, lib)
		if err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		if err := pickProgram(all, picked, found); err != nil {
			return err
		}
	}
	return nil
}

// findLibrary looks where the loader does.
func findLibrary(all map[string]entry, lib string) (string, error) {
	if path.IsAbs(lib) {
		return strings.TrimPrefix(lib, "/"), nil
	}
	for _, name := range slices.Sorted(maps.Keys(all)) {
		dir := path.Dir(name)
		inPath := dir == "lib64" || (strings.HasPrefix(dir, "lib/") || strings.HasPrefix(dir, "usr/lib/")) && strings.HasSuffix(dir, "-linux-gnu")
		if inPath && path.Base(name) == lib {
			return name, nil
		}
	}
	return "", fmt.Errorf("library %s is not there", lib)
}

// writeRoot writes an archive with the folders its files need.
func writeRoot(out io.Writer, files map[string]entry) error {
	dirs := map[string]bool{}
	for _, d := range nginxRules.Empty {
		files[d] = entry{header: &tar.Header{Typeflag: tar.TypeDir, Mode: dirMode(d)}}
	}
	for name := range files {
		for d := path.Dir(name); d != "."; d = path.Dir(d) {
			dirs[d] = true
		}
	}
	for d := range dirs {
		if _, ok := files[d]; !ok {
			files[d] = entry{header: &tar.Header{Typeflag: tar.TypeDir, Mode: dirMode(d)}}
		}
	}
	tw := tar.NewWriter(out)
	for _, name := range slices.Sorted(maps.Keys(files)) {
		e := files[name]
		h := &tar.Header{
			Typeflag: cmp.Or(e.header.Typeflag, tar.TypeReg), Name: name, Linkname: e.header.Linkname,
			Mode: e.header.Mode, Size: int64(len(e.content)),
		}
		if err := tw.WriteHeader(h); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		if _, err := tw.Write(e.content); err != nil {
			return err
		}
	}
	return tw.Close()
}

func dirMode(dir string) int64 {
	if dir == "tmp" {
		return 0o1777
	}
	return 0o755
}

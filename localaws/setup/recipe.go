package setup

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"runtime"
)

// Names of the images, without tag. The tag "latest" is the alias others use;
// the true tag is a hash of the recipe.
const (
	InstanceImage = "grocery/instance"
	PostgresImage = "grocery/postgres"
	NginxImage    = "grocery/nginx"
)

// PostgresVersion is the major version of Debian's PostgreSQL in the image.
const PostgresVersion = "15"

const (
	suite = "bookworm"
	// mirrorEnv names another mirror of Debian.
	mirrorEnv  = "GROCERY_DEBIAN_MIRROR"
	systemPath = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
)

// debian is a recipe for a Debian root file system.
type debian struct {
	Variant  string // of mmdebstrap
	Packages []string
	Exclude  []string // paths that are not unpacked
	Hooks    []string // mmdebstrap's options for hooks
	Arch     string
}

// nobodyReads is left out of all images.
var nobodyReads = []string{
	"/usr/share/man/*", "/usr/share/doc/*", "/usr/share/info/*", "/usr/share/locale/*", "/usr/share/lintian/*",
	"/usr/share/groff/*", "/usr/share/bash-completion/*", "/usr/share/zsh/*", "/usr/share/bug/*", "/usr/share/i18n/*",
	"/usr/share/perl/*/Unicode/Collate/*", "/usr/share/perl/*/unicore/Name.pl", "/usr/share/perl/*/pod/*",
	"/usr/lib/*/perl/*/CORE/*", "/usr/lib/*/perl/*/auto/Encode/CN/*", "/usr/lib/*/perl/*/auto/Encode/JP/*",
	"/usr/lib/*/perl/*/auto/Encode/KR/*", "/usr/lib/*/perl/*/auto/Encode/TW/*", "/usr/lib/*/perl/*/auto/Unicode/*",
}

// instanceBase is a machine image: what an AMI for containers has, without
// kernel and service manager.
func instanceBase() debian {
	return debian{
		Variant: "minbase",
		Packages: []string{
			"awscli", "ca-certificates", "curl", "docker.io", "iproute2", "iptables", "jq", "openssl", "procps", "unzip",
		},
		Exclude: append([]string{
			// What the engine does not use.
			"/usr/bin/ctr", "/usr/bin/dnet", "/usr/sbin/ovrouter", "/usr/bin/containerd-shim", "/usr/bin/containerd-shim-runc-v1",
			"/usr/lib/python3/dist-packages/awscli/examples/*", "/usr/lib/python3/dist-packages/awscli/data/ac.index",
		}, nobodyReads...),
		Hooks: []string{
			// The AWS CLI ignores the system's trust store unless it is its own.
			`--customize-hook=ln -sf /etc/ssl/certs/ca-certificates.crt "$1/usr/lib/python3/dist-packages/awscli/botocore/cacert.pem"`,
			// The user that Amazon Linux has.
			`--customize-hook=chroot "$1" useradd --create-home --shell /bin/bash ec2-user`,
			// Amazon Linux keeps its trust store here.
			`--customize-hook=mkdir -p "$1/etc/pki/tls/certs" && ln -sf /etc/ssl/certs/ca-certificates.crt "$1/etc/pki/tls/certs/ca-bundle.crt"`,
		},
		Arch: runtime.GOARCH,
	}
}

func postgres() debian {
	return debian{
		Variant:  "minbase",
		Packages: []string{"ca-certificates", "postgresql-" + PostgresVersion},
		Exclude: append([]string{
			// Without its compiler PostgreSQL interprets expressions, which is
			// what a shop's queries want; it looks for the library first.
			"/usr/lib/*/libLLVM*", "/usr/lib/*/libz3*", "/usr/lib/postgresql/*/lib/llvmjit*", "/usr/lib/postgresql/*/lib/bitcode/*",
		}, nobodyReads...),
		Hooks: []string{
			// No cluster is made at installation: each database makes its own.
			`--essential-hook=mkdir -p "$1/etc/postgresql-common" && echo "create_main_cluster = false" > "$1/etc/postgresql-common/createcluster.conf"`,
		},
		Arch: runtime.GOARCH,
	}
}

// nginx is unpacked only; nginxFiles picks from it.
func nginx() debian {
	return debian{
		Variant:  "extract",
		Packages: []string{"busybox-static", "nginx-light"},
		Exclude:  nobodyReads,
		Arch:     runtime.GOARCH,
	}
}

// digest is a short name for a recipe.
func digest(parts ...any) string {
	h := sha256.New()
	enc := json.NewEncoder(h)
	for _, p := range parts {
		if err := enc.Encode(p); err != nil {
			panic("setup: recipes are plain data: " + err.Error())
		}
	}
	return hex.EncodeToString(h.Sum(nil))[:12]
}

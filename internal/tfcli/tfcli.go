// Package tfcli finds Terraform on this machine and writes its CLI
// configuration, so that providers come from a filesystem mirror where there
// is one and from the registry otherwise. It runs nothing but
// `terraform version`.
package tfcli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// MirrorVar is the setting that names a filesystem mirror of providers: a
// folder that holds registry.terraform.io/hashicorp/aws.
const MirrorVar = "TF_PLUGIN_MIRROR"

// provider is the path of the one provider in a mirror.
// See https://developer.hashicorp.com/terraform/cli/config/config-file#filesystem_mirror.
var provider = filepath.Join("registry.terraform.io", "hashicorp", "aws")

// CLI is a Terraform that can be run.
type CLI struct {
	Path   string // the program
	Mirror string // the filesystem mirror in use; "" when providers come from the registry
	config string // the CLI configuration file
}

// New finds Terraform and writes its configuration into dir. A configuration
// the user made (TF_CLI_CONFIG_FILE names an existing file) is left in force.
func New(dir string) (*CLI, error) {
	path, err := exec.LookPath("terraform")
	if err != nil {
		return nil, errors.New("terraform is not on the PATH: install Terraform 1.11 or newer (https://developer.hashicorp.com/terraform/install)")
	}
	if err := checkVersion(path); err != nil {
		return nil, err
	}
	c := &CLI{Path: path}
	if own := os.Getenv("TF_CLI_CONFIG_FILE"); own != "" {
		if _, err := os.Stat(own); err == nil {
			c.config = own
			return c, nil
		}
	}
	if c.Mirror, err = FindMirror(); err != nil {
		return nil, err
	}
	if err := os.MkdirAll(filepath.Join(dir, "plugins"), 0o755); err != nil {
		return nil, fmt.Errorf("the folder of Terraform's configuration: %w", err)
	}
	c.config = filepath.Join(dir, "terraform.rc")
	text := fmt.Sprintf("plugin_cache_dir = %s\ndisable_checkpoint = true\n", strconv.Quote(filepath.Join(dir, "plugins")))
	if c.Mirror != "" {
		text = fmt.Sprintf("disable_checkpoint = true\nprovider_installation {\n  filesystem_mirror {\n    path    = %s\n    include = [\"registry.terraform.io/hashicorp/aws\"]\n  }\n  direct {\n    exclude = [\"registry.terraform.io/hashicorp/aws\"]\n  }\n}\n", strconv.Quote(c.Mirror))
	}
	if old, err := os.ReadFile(c.config); err == nil && string(old) == text {
		return c, nil
	}
	if err := os.WriteFile(c.config, []byte(text), 0o644); err != nil {
		return nil, fmt.Errorf("write Terraform's configuration: %w", err)
	}
	return c, nil
}

// Vars are the environment variables that put the configuration in force.
func (c *CLI) Vars() map[string]string {
	return map[string]string{"TF_CLI_CONFIG_FILE": c.config, "CHECKPOINT_DISABLE": "1"}
}

// checkVersion refuses a Terraform that lacks what the configuration uses
// (write-only arguments and lock files came with 1.11).
func checkVersion(path string) error {
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	cmd := exec.CommandContext(ctx, path, "version", "-json")
	cmd.Env = append(os.Environ(), "CHECKPOINT_DISABLE=1", "TF_CLI_CONFIG_FILE=") // a broken configuration is not asked for here
	out, err := cmd.Output()
	if err != nil {
		return fmt.Errorf("%s version: %w", path, err)
	}
	var v struct {
		Version string `json:"terraform_version"`
	}
	if err := json.Unmarshal(out, &v); err != nil {
		return fmt.Errorf("%s version: %w", path, err)
	}
	var major, minor int
	if _, err := fmt.Sscanf(v.Version, "%d.%d", &major, &minor); err != nil || major < 1 || major == 1 && minor < 11 {
		return fmt.Errorf("terraform %s is too old: install Terraform 1.11 or newer", v.Version)
	}
	return nil
}

// FindMirror returns the filesystem mirror to use, "" when there is none: the
// one that TF_PLUGIN_MIRROR names, Terraform's implied mirror folders, then
// the usual shared places. A named one that holds no provider is an error.
func FindMirror() (string, error) {
	if named := os.Getenv(MirrorVar); named != "" {
		if !isMirror(named) {
			return "", fmt.Errorf("%s is %s, which does not hold %s of version %s or newer (before %s) for %s", MirrorVar, named, provider, ProviderMinVersion, ProviderEndVersion, platform)
		}
		return named, nil
	}
	for _, dir := range places() {
		if isMirror(dir) {
			return dir, nil
		}
	}
	return "", nil
}

// places are the folders that may be a mirror.
// See https://developer.hashicorp.com/terraform/cli/config/config-file#implied-local-mirror-directories.
func places() []string {
	var all []string
	home, err := os.UserHomeDir()
	if err == nil {
		all = append(all, filepath.Join(home, ".terraform.d", "plugins"))
	}
	data := os.Getenv("XDG_DATA_HOME")
	if data == "" && home != "" {
		data = filepath.Join(home, ".local", "share")
	}
	if data != "" {
		all = append(all, filepath.Join(data, "terraform", "plugins"))
	}
	shared := os.Getenv("XDG_DATA_DIRS")
	if shared == "" {
		shared = "/usr/local/share:/usr/share"
	}
	for dir := range strings.SplitSeq(shared, ":") {
		all = append(all, filepath.Join(dir, "terraform", "plugins"))
	}
	for _, pattern := range []string{"/opt/*", "/opt/*/*", "/srv/*", "/var/lib/terraform*", "/usr/local/lib/terraform*"} {
		found, err := filepath.Glob(pattern)
		if err == nil { // the patterns are constant
			all = append(all, found...)
		}
	}
	return all
}

package ops

import (
	"context"
	"fmt"
	"io"
	"os"
)

// What the tests of this package see of its inside.

var (
	CheckPEM     = checkPEM
	GoArch       = goArch
	HasResources = hasResources
	Whoami       = whoami
	WriteFile    = writeFile
)

// Zip makes a zip of one file.
func Zip(name string, mode os.FileMode, data []byte) ([]byte, error) {
	return makeZip(zipFile{name, mode, data})
}

// Follow runs a command and collects what it tells.
func Follow(run func(io.Writer) error) (told []string, err error) {
	err = follow(collect(&told), run)
	return told, err
}

// Environ is the environment that another program gets.
func (a Access) Environ() map[string]string { return a.environ() }

// RegionAndKey are what the SDK's configuration ends up with.
func (a Access) RegionAndKey(ctx context.Context) (region, key string, err error) {
	cfg, err := a.aws(ctx)
	if err != nil {
		return "", "", err
	}
	c, err := cfg.Credentials.Retrieve(ctx)
	return cfg.Region, c.AccessKeyID, err
}

// Settings are what ops reads from the tfvars file.
func (e *Environment) Settings() (region, repository, arch string, err error) {
	s, err := e.settings()
	return s.region, s.repository, s.arch, err
}

// BackendHCL is the partial backend configuration.
func BackendHCL(bucket, table, region string) string {
	return string(backend{Bucket: bucket, Table: table, Region: region}.hcl())
}

// VerifyAt checks the shop at an address.
func (e *Environment) VerifyAt(ctx context.Context, url string) (told []string, err error) {
	err = e.verify(ctx, url, collect(&told))
	return told, err
}

// Step runs f as a step.
func (e *Environment) Step(ctx context.Context, name string, f func() error) error {
	return e.step(ctx, name, func(context.Context, func(string, ...any)) error { return f() })
}

// Skip makes a step report that there was nothing to do.
func Skip(why string) error { return errSkip(why) }

func collect(to *[]string) func(string, ...any) {
	return func(format string, args ...any) { *to = append(*to, fmt.Sprintf(format, args...)) }
}

// Parted gives tests parted.
var Parted = parted

// Allows checks a fresh plan against a reviewed one.
func (p *Plan) Allows(fresh *Plan) error { return p.allows(fresh) }

// Variables are values of TF_VAR_* as a tfvars file for the root module in dir.
func Variables(dir string, values map[string]string) (string, error) {
	raw, err := variables(dir, values)
	return string(raw), err
}

// Set writes a number into the tfvars file.
func (e *Environment) Set(name string, n int) error { return e.set(name, n) }

// Number is the value that a variable has now.
func (e *Environment) Number(name string) (int, error) { return e.number(name) }

// ShopURL is the address of a shop with these outputs.
func (e *Environment) ShopURL(o Output) string { return e.shopURL(o) }

// Reach makes the transport that images and layers go by.
func (a Access) Reach() error {
	_, err := a.transport()
	return err
}

// VersionPrefix begins the description of a launch template version.
const VersionPrefix = versionPrefix

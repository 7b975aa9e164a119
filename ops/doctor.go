package ops

import (
	"context"
	"errors"
	"fmt"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/autoscaling"
	"github.com/aws/aws-sdk-go-v2/service/autoscaling/types"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch"
	cwtypes "github.com/aws/aws-sdk-go-v2/service/cloudwatch/types"

	"grocery/internal/tfcli"
)

// Finding is what Doctor found about one thing.
type Finding struct {
	Check string `json:"check"`
	OK    bool   `json:"ok"`
	Says  string `json:"says"`         // how it is
	Do    string `json:"do,omitempty"` // what to do where it is not as it should be
}

// trouble is a finding that is not as it should be.
type trouble struct{ says, do string }

func (t *trouble) Error() string { return t.says }

// Doctor looks at everything an operation needs and at all that is deployed,
// and says of each how it is. It changes nothing. What cannot be looked at
// because something before it is wrong is left out.
func (e *Environment) Doctor(ctx context.Context) ([]Finding, error) {
	d := &doctor{run: run{Environment: e}}
	d.tools(ctx)
	if !d.check("settings", func() (string, error) { return d.settled(ctx) }) ||
		!d.check("AWS account", func() (string, error) { return d.account(ctx) }) ||
		!d.check("state backend", func() (string, error) { return d.presence(ctx) }) {
		return d.findings, ctx.Err()
	}
	d.check("state lock", func() (string, error) { return d.lock(ctx) })
	d.check("interrupted run", func() (string, error) { return d.interrupted(ctx) })
	o, err := d.stateOutputs(ctx, d.cfg)
	if err != nil || o.ASGName == "" {
		d.findings = append(d.findings, Finding{Check: "deployment", Says: "nothing is deployed", Do: "grocery deploy"})
		return d.findings, ctx.Err()
	}
	d.check("images", func() (string, error) { return d.images(ctx, o) })
	d.check("release", func() (string, error) { return d.released(ctx, o) })
	d.check("instances", func() (string, error) { return d.instances(ctx, o) })
	d.check("databases", func() (string, error) { return d.databases(ctx, o) })
	d.check("alarms", func() (string, error) { return d.alarms(ctx) })
	d.check("shop", func() (string, error) { return d.shop(ctx, o) })
	return d.findings, ctx.Err()
}

// doctor is one look at everything.
type doctor struct {
	run
	b        backend
	findings []Finding
}

// check runs one check and keeps what it found.
func (d *doctor) check(name string, f func() (string, error)) (ok bool) {
	says, err := f()
	x := Finding{Check: name, OK: err == nil, Says: says}
	if err != nil {
		x.Says, x.Do = err.Error(), "see the error"
		if t, ok := errors.AsType[*trouble](err); ok {
			x.Do = t.do
		}
	}
	d.findings = append(d.findings, x)
	return x.OK
}

// tools looks for the programs that operations run.
func (d *doctor) tools(ctx context.Context) {
	d.check("terraform", func() (string, error) {
		cli, err := tfcli.New(filepath.Join(d.Home, "terraform"))
		if err != nil {
			return "", &trouble{err.Error(), "install Terraform 1.11 or newer"}
		}
		if cli.Mirror != "" {
			return cli.Path + ", providers from " + cli.Mirror, nil
		}
		return cli.Path, nil
	})
	for _, t := range []struct{ name, do string }{{"go", "install Go 1.26"}, {"npm", "install Node.js 20 or newer"}, {"git", "install git"}} {
		d.check(t.name, func() (string, error) {
			path, err := exec.LookPath(t.name)
			if err != nil {
				return "", &trouble{t.name + " is not on the PATH", t.do}
			}
			return path, nil
		})
	}
	d.check("docker", func() (string, error) {
		path, err := dockerCLI(ctx)
		if err != nil {
			return "", &trouble{err.Error(), "grocery setup"}
		}
		return path, nil
	})
}

func (d *doctor) settled(ctx context.Context) (string, error) {
	var err error
	if d.cfg, err = d.prepare(ctx); err != nil {
		return "", err
	}
	if d.set, err = d.settings(); err != nil {
		return "", err
	}
	return filepath.Base(d.varFile()) + ", region " + d.cfg.Region, nil
}

func (d *doctor) account(ctx context.Context) (string, error) {
	var err error
	if d.b, err = backendOf(ctx, d.cfg); err != nil {
		return "", &trouble{err.Error(), "check the credentials, their session token and the region"}
	}
	return "the credentials work", nil
}

func (d *doctor) presence(ctx context.Context) (string, error) {
	bucket, table, err := d.b.presence(ctx, d.cfg)
	switch {
	case err != nil:
		return "", err
	case bucket && table:
		return "s3://" + d.b.Bucket + " and " + d.b.Table, nil
	case bucket || table:
		return "", &trouble{"half there: of the bucket " + d.b.Bucket + " and the table " + d.b.Table + " one is missing", "grocery bootstrap tells what to do"}
	}
	return "", &trouble{"absent", "grocery bootstrap, or grocery deploy, which begins with it"}
}

func (d *doctor) lock(ctx context.Context) (string, error) {
	l, err := heldLock(ctx, d.cfg, d.b, d.stateKey())
	if err != nil {
		return "", err
	}
	if l == nil {
		return "free", nil
	}
	says := fmt.Sprintf("held by %s for %s (%s)", l.Who, time.Since(l.Created).Round(time.Second), l.Operation)
	switch {
	case l.Who != whoami():
		return "", &trouble{says, "wait for that to end, or, if it died, terraform force-unlock " + l.ID}
	case runningTerraform(d.b.Bucket, d.stateKey()) != "":
		return "", &trouble{says + " and at work", "wait for it to end"}
	}
	return "", &trouble{says + ", whose Terraform is dead", "grocery recover"}
}

func (d *doctor) interrupted(ctx context.Context) (string, error) {
	if exists(filepath.Join(d.dir(), "errored.tfstate")) {
		return "", &trouble{"a Terraform could not write its state, which lies in errored.tfstate", "grocery recover"}
	}
	state, err := d.state(ctx)
	if err != nil {
		return "", err
	}
	apart, err := parted(state)
	if err != nil {
		return "", err
	}
	if apart {
		return "", &trouble{"the secret has a password that the database never got", "grocery deploy writes both again"}
	}
	return "none", nil
}

// images looks whether a new instance could pull what the group runs.
func (d *doctor) images(ctx context.Context, o Output) (string, error) {
	now, _, err := d.runs(ctx, o)
	if err != nil {
		return "", err
	}
	if now.Tag == "" {
		return "launch template version " + strconv.FormatInt(now.Number, 10), nil
	}
	if d.tag, err = d.pushedAs(ctx, now.Tag); err == nil {
		err = d.haveImages(ctx)
	}
	if err != nil {
		return "", &trouble{err.Error(), "grocery images --image-tag " + now.Tag + " from its commit; until then no instance can be replaced"}
	}
	d.tag = latest
	if missing, err := d.missingImages(ctx); err != nil || len(missing) > 0 {
		return "", errors.Join(err, &trouble{"the rolling aliases are not all there", "grocery images"})
	}
	return d.set.repository + " has " + now.Tag, nil
}

// released looks whether the last release went well and is the newest version.
func (d *doctor) released(ctx context.Context, o Output) (string, error) {
	now, all, err := d.runs(ctx, o)
	if err != nil {
		return "", err
	}
	out, err := autoscaling.NewFromConfig(d.cfg).DescribeInstanceRefreshes(ctx, &autoscaling.DescribeInstanceRefreshesInput{AutoScalingGroupName: &o.ASGName, MaxRecords: aws.Int32(1)})
	if err != nil {
		return "", fmt.Errorf("look at the last release: %w", err)
	}
	for _, x := range out.InstanceRefreshes {
		switch {
		case !ended(x.Status):
			return "", &trouble{"one is under way (" + string(x.Status) + ")", "grocery release follows it"}
		case x.Status != types.InstanceRefreshStatusSuccessful && all[0].Number != now.Number:
			return "", &trouble{"the last one ended with " + string(x.Status) + ": " + refreshReason(x), "put the cause right and deploy, or leave it: version " + strconv.FormatInt(now.Number, 10) + " runs"}
		}
	}
	if all[0].Number != now.Number {
		return "", &trouble{fmt.Sprintf("launch template version %d is applied and version %d runs", all[0].Number, now.Number), "grocery release"}
	}
	return fmt.Sprintf("launch template version %d runs", now.Number), nil
}

func (d *doctor) instances(ctx context.Context, o Output) (string, error) {
	g, err := d.group(ctx, o)
	if err != nil {
		return "", err
	}
	var s Status
	if err := s.instances(ctx, d.cfg, o); err != nil {
		return "", err
	}
	says := fmt.Sprintf("%d of %d serve", len(s.serving()), aws.ToInt32(g.DesiredCapacity))
	if len(s.serving()) < int(aws.ToInt32(g.DesiredCapacity)) {
		return "", &trouble{says, "the group replaces what fails; grocery logs i-... tells why a boot failed"}
	}
	return says, nil
}

func (d *doctor) databases(ctx context.Context, o Output) (string, error) {
	var s Status
	if err := s.databases(ctx, d.cfg, o); err != nil {
		return "", err
	}
	var says []string
	for _, x := range s.Databases {
		if x.Status != "available" {
			return "", &trouble{"the " + x.Role + " is " + x.Status, "wait until it is available"}
		}
		says = append(says, x.Role+" "+x.Status)
	}
	return strings.Join(says, ", "), nil
}

func (d *doctor) alarms(ctx context.Context) (string, error) {
	pages := cloudwatch.NewDescribeAlarmsPaginator(cloudwatch.NewFromConfig(d.cfg), &cloudwatch.DescribeAlarmsInput{AlarmNamePrefix: aws.String(Project + "-" + d.Name), StateValue: cwtypes.StateValueAlarm})
	var ringing []string
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return "", fmt.Errorf("look at the alarms: %w", err)
		}
		for _, a := range page.MetricAlarms {
			ringing = append(ringing, aws.ToString(a.AlarmName)+": "+aws.ToString(a.StateReason))
		}
	}
	if len(ringing) > 0 {
		return "", &trouble{strings.Join(ringing, "; "), "see README, Monitoring; a release does not start while one of its alarms is on"}
	}
	return "none is on", nil
}

func (d *doctor) shop(ctx context.Context, o Output) (string, error) {
	s := Status{URL: d.shopURL(o)}
	s.probe(ctx)
	if s.Page != "ok" {
		return "", &trouble{s.URL + ": " + s.Page, "grocery status and grocery logs tell more"}
	}
	return s.URL + " answers", nil
}

// refreshReason is why an instance refresh did not succeed.
func refreshReason(x types.InstanceRefresh) string {
	if d := x.RollbackDetails; d != nil && aws.ToString(d.RollbackReason) != "" {
		return *d.RollbackReason
	}
	return aws.ToString(x.StatusReason)
}

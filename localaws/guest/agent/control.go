package agent

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/feature/ec2/imds"
	"github.com/aws/aws-sdk-go-v2/service/ssm"
)

const unit = "amazon-cloudwatch-agent"

// Control is amazon-cloudwatch-agent-ctl
// (https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/start-CloudWatch-Agent-on-premise-SSM-onprem.html).
func Control(args []string) int {
	flags := flag.NewFlagSet(unit+"-ctl", flag.ContinueOnError)
	action := flags.String("a", "", "fetch-config, remove-config, start, stop or status")
	mode := flags.String("m", "ec2", "ec2, onPremise or auto")
	restart := flags.Bool("s", false, "start the agent again after its configuration has changed")
	source := flags.String("c", "", "file:<path>, ssm:<parameter> or all")
	if err := flags.Parse(args); err != nil {
		return 1
	}
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	defer cancel()
	if err := control(ctx, *action, *mode, *source, *restart); err != nil {
		fmt.Fprintf(os.Stderr, "%s-ctl: %v\n", unit, err)
		return 1
	}
	return 0
}

func control(ctx context.Context, action, mode, source string, restart bool) error {
	switch mode {
	case "ec2", "auto":
	default:
		return fmt.Errorf("mode %q: this agent runs on EC2 instances only (-m ec2)", mode)
	}
	switch action {
	case "fetch-config":
		if err := fetchConfig(ctx, source); err != nil {
			return err
		}
		fmt.Println("Configuration validation succeeded")
	case "remove-config":
		if err := os.Remove(configFile); err != nil && !errors.Is(err, os.ErrNotExist) {
			return err
		}
	case "start":
		return start()
	case "stop":
		return systemctl("disable", "--now")
	case "status":
		return printStatus()
	default:
		return fmt.Errorf("action %q: use -a fetch-config, remove-config, start, stop or status", action)
	}
	if !restart {
		return nil
	}
	return start()
}

// start starts the agent with its present configuration, also at each boot.
func start() error {
	if _, err := os.Stat(configFile); err != nil {
		return fmt.Errorf("the agent has no configuration: fetch one first (-a fetch-config -c file:<path>): %w", err)
	}
	if err := systemctl("enable"); err != nil {
		return err
	}
	return systemctl("restart")
}

func systemctl(verb string, flags ...string) error {
	cmd := exec.Command("systemctl", append(append([]string{verb}, flags...), unit)...)
	cmd.Stdout, cmd.Stderr = os.Stdout, os.Stderr
	return cmd.Run()
}

// fetchConfig reads, checks and installs a configuration.
func fetchConfig(ctx context.Context, source string) error {
	kind, name, ok := strings.Cut(source, ":")
	if !ok || name == "" {
		return fmt.Errorf("configuration %q: use file:<path> or ssm:<parameter>", source)
	}
	var b []byte
	var err error
	switch kind {
	case "file":
		b, err = os.ReadFile(name)
	case "ssm":
		b, err = parameter(ctx, name)
	default:
		return fmt.Errorf("configuration %q: use file:<path> or ssm:<parameter>", source)
	}
	if err != nil {
		return fmt.Errorf("reading configuration %s: %w", source, err)
	}
	_, ignored, err := ParseConfig(b)
	if err != nil {
		return err
	}
	for _, section := range ignored {
		fmt.Fprintf(os.Stderr, "%s is not collected by this agent\n", section)
	}
	if err := os.MkdirAll(filepath.Dir(configFile), 0o755); err != nil {
		return err
	}
	return os.WriteFile(configFile, b, 0o644)
}

func parameter(ctx context.Context, name string) ([]byte, error) {
	region, err := imds.New(imds.Options{}).GetRegion(ctx, &imds.GetRegionInput{})
	if err != nil {
		return nil, err
	}
	cfg, err := config.LoadDefaultConfig(ctx, config.WithRegion(region.Region))
	if err != nil {
		return nil, err
	}
	out, err := ssm.NewFromConfig(cfg).GetParameter(ctx, &ssm.GetParameterInput{Name: &name, WithDecryption: new(true)})
	if err != nil {
		return nil, err
	}
	return []byte(*out.Parameter.Value), nil
}

// printStatus answers as the real control command does.
func printStatus() error {
	status := struct {
		Status       string `json:"status"`
		StartTime    string `json:"starttime"`
		ConfigStatus string `json:"configstatus"`
		Version      string `json:"version"`
	}{"stopped", "", "not configured", "local"}
	if st, err := os.Stat(configFile); err == nil {
		status.ConfigStatus = "configured"
		status.StartTime = st.ModTime().UTC().Format(time.RFC3339)
	}
	if exec.Command("systemctl", "is-active", "--quiet", unit).Run() == nil {
		status.Status = "running"
	}
	b, err := json.MarshalIndent(status, "", "  ")
	if err != nil {
		return err
	}
	fmt.Println(string(b))
	return nil
}

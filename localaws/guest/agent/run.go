package agent

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"maps"
	"os"
	"os/signal"
	"slices"
	"syscall"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/feature/ec2/imds"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch/types"
)

// Run is the agent: it publishes until it is told to stop.
func Run([]string) int {
	log.SetFlags(log.LstdFlags | log.LUTC)
	ctx, cancel := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
	defer cancel()
	if err := run(ctx); err != nil && ctx.Err() == nil {
		log.Printf("E! %v", err)
		return 1
	}
	return 0
}

func run(ctx context.Context) error {
	c, ignored, err := loadConfig()
	if err != nil {
		return err
	}
	for _, name := range ignored {
		log.Printf("W! %s is not collected by this agent", name)
	}
	cfg, id, err := identify(ctx, c)
	if err != nil {
		return err
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		if c.Logs != nil {
			shipLogs(ctx, cfg, c.Logs, id)
		}
	}()
	if c.Metrics != nil {
		publishMetrics(ctx, cfg, c, id)
	}
	<-done
	return nil
}

// identify finds region, credentials and who we are.
func identify(ctx context.Context, c Config) (aws.Config, Identity, error) {
	meta := imds.New(imds.Options{})
	region := c.Agent.Region
	if region == "" {
		out, err := meta.GetRegion(ctx, &imds.GetRegionInput{})
		if err != nil {
			return aws.Config{}, nil, fmt.Errorf("asking the metadata service for the region: %w", err)
		}
		region = out.Region
	}
	cfg, err := config.LoadDefaultConfig(ctx, config.WithRegion(region))
	if err != nil {
		return cfg, nil, err
	}
	host, err := os.Hostname()
	if err != nil {
		return cfg, nil, err
	}
	id := Identity{"host": host}
	for v, path := range map[string]string{
		instanceIDVar: "instance-id", imageIDVar: "ami-id", instanceTypeVar: "instance-type",
		"ip": "local-ipv4", "local_hostname": "local-hostname",
	} {
		if id[v], err = read(ctx, meta, path); err != nil {
			return cfg, nil, fmt.Errorf("asking the metadata service for %s: %w", path, err)
		}
	}
	return cfg, id, nil
}

func read(ctx context.Context, meta *imds.Client, path string) (string, error) {
	out, err := meta.GetMetadata(ctx, &imds.GetMetadataInput{Path: path})
	if err != nil {
		return "", err
	}
	defer out.Content.Close()
	b, err := io.ReadAll(out.Content)
	return string(b), err
}

// publishMetrics collects each kind at its interval.
func publishMetrics(ctx context.Context, cfg aws.Config, c Config, id Identity) {
	client := cloudwatch.NewFromConfig(cfg)
	meter := &Meter{Root: os.DirFS("/"), StatFS: statFS, Now: time.Now, CPUs: processors()}
	due := map[string]time.Time{}
	for {
		if id[groupNameVar] == "" && slices.Contains(slices.Collect(maps.Values(c.Metrics.Append)), groupNameVar) {
			name, err := groupName(ctx, cfg, id[instanceIDVar])
			if err != nil && ctx.Err() == nil {
				log.Printf("W! name of the Auto Scaling group: %v", err)
			}
			id[groupNameVar] = name
		}
		var data []types.MetricDatum
		now := time.Now()
		next := now.Add(time.Minute)
		for kind, p := range c.Metrics.Collected {
			if !now.Before(due[kind]) {
				samples, err := meter.Measure(kind, p)
				if err != nil {
					log.Printf("E! measuring %s: %v", kind, err)
				}
				data = append(data, c.Metrics.Data(kind, p, samples, id, now)...)
				due[kind] = now.Add(c.interval(p))
			}
			if due[kind].Before(next) {
				next = due[kind]
			}
		}
		for batch := range slices.Chunk(data, 1000) {
			_, err := client.PutMetricData(ctx, &cloudwatch.PutMetricDataInput{Namespace: &c.Metrics.Namespace, MetricData: batch})
			if err != nil && !errors.Is(err, context.Canceled) {
				log.Printf("E! publishing %d values: %v", len(batch), err)
			}
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(time.Until(next)):
		}
	}
}

// Command function is the function that the tests of package lambda invoke.
package main

import (
	"context"
	"fmt"
	"os"
	"time"

	"github.com/aws/aws-lambda-go/lambda"
	"github.com/aws/aws-lambda-go/lambdacontext"
)

type event struct {
	Do  string
	Say string
}

type refusal struct{}

func (refusal) Error() string { return "refused" }

func handle(ctx context.Context, e event) (map[string]any, error) {
	fmt.Println("said:", e.Say)
	switch e.Do {
	case "fail":
		return nil, refusal{}
	case "sleep":
		time.Sleep(time.Minute)
	case "exit":
		os.Exit(3)
	case "write":
		return nil, os.WriteFile("/var/task/x", nil, 0o600)
	}
	layer, err := os.ReadFile("/opt/layer.txt")
	if err != nil {
		return nil, err
	}
	c, _ := lambdacontext.FromContext(ctx)
	return map[string]any{"say": e.Say, "layer": string(layer), "env": os.Getenv("GREETING"), "region": os.Getenv("AWS_REGION"), "arn": c.InvokedFunctionArn, "uid": os.Getuid(), "key": os.Getenv("AWS_ACCESS_KEY_ID") != ""}, nil
}

func main() { lambda.Start(handle) }

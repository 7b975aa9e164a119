// Package agent stands in for the Amazon CloudWatch agent in instance images
// that cannot have the real one. It reads the agent's JSON configuration
// (https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch-Agent-Configuration-File-Details.html),
// answers its control command and publishes the same metrics, units and
// dimensions, and log files, through AWS's SDK with the instance role. It
// measures the instance, that is its control groups, not the machine below.
//
// Metrics: mem, swap, disk and cpu. Logs: logs_collected.files. Other sections
// are named in its log and left out.
package agent

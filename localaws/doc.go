// Package localaws is AWS on one machine, as far as this repository uses it,
// with a real data plane: instances are containers that run their user data,
// databases are PostgreSQL, balancers forward, packets pass security groups.
//
// New assembles it: the services (service/...) over one store, the wire
// protocols in front of them, the runtime and the gateway behind them. The
// ways in are an HTTPS proxy for AWS's genuine host names, a plain endpoint,
// and an endpoint inside every VPC. Nothing here knows what runs on it.
package localaws

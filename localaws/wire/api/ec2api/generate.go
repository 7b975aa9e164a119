//go:generate go run grocery/localaws/wire/gen

package ec2api

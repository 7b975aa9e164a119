//go:generate go run grocery/localaws/wire/gen

package kmsapi

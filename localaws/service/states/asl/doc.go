// Package asl is the Amazon States Language with JSONPath: it reads and checks
// a definition, and computes what a state makes of its input. It calls nothing,
// waits for nothing and keeps nothing; package states does.
//
// See https://states-language.net/spec.html.
package asl

// Package lambda is AWS Lambda: functions of the runtimes provided.al2023 and
// provided.al2 made from zip files, layers, versions, permissions. It knows the
// store, the runtime and typed requests, never HTTP; it reaches other services
// through the registry only.
package lambda

// Package httpapi speaks HTTP for the shop: routes, JSON shapes, identity, limits.
//
// It may not know SQL or how anything is stored; it calls the services that package
// shop declares. The shapes that clients of the old shop rely on stand in legacy.go.
// What is served is described in backend/api/openapi.yaml, and a test holds the two
// together.
package httpapi

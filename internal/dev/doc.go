// Package dev runs the shop on this machine while somebody changes it: a PostgreSQL
// that keeps its data, the backend, rebuilt and replaced with each change of its
// sources, and the page as Vite serves it. It knows nothing about AWS.
package dev

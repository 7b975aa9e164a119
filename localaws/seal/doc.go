// Package seal encrypts what must not stand readable in the state folder, such
// as secret values, with a key kept in a file of its own. It knows neither
// AWS nor the store.
package seal

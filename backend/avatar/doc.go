// Package avatar makes the picture of a user who has not given one. It knows neither
// accounts nor HTTP.
package avatar

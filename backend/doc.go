// Package shop is the domain of the grocery shop: what a product, an account, a
// basket and an order are, and the rules that hold between them.
//
// It says nothing about how they are stored (package postgres) or spoken to
// (package httpapi), and imports the standard library only. The packages below it
// are named after what they wrap and meet through the interfaces declared here.
package shop

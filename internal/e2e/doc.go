// Package e2e proves mezzo from the outside: media go in, an origin serves them over HTTP, and programs that we did not
// write read what comes out. See docs/truth-table-*.md and docs/players.md for what it found.
package e2e

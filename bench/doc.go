// Package bench holds the benchmarks of the remux core, from a file to the bytes of a segment, on media that it makes
// itself:
//
//	go test -bench . -benchmem ./bench
//
// Absolute figures say little on a shared machine. The ratios in one run do: BenchmarkSegment/…/start against /end says
// that a request costs what its segment costs, and BenchmarkSegment against BenchmarkCopy what packaging adds to moving
// the bytes. BenchmarkIndex reports the memory of an index per hour of rendition.
package bench

package cenc

import (
	"fmt"
	mathbits "math/bits"

	"github.com/mezzomedia/mezzo/packager/media"
)

// Limits of tiles (AV1, 3).
const (
	maxTileWidth = 4096        // MAX_TILE_WIDTH
	maxTileArea  = 4096 * 2304 // MAX_TILE_AREA
	maxTiles     = 64          // MAX_TILE_COLS, MAX_TILE_ROWS
)

// tileLog2 is the least k with size<<k at least target (AV1, 5.9.16).
func tileLog2(size, target int) int {
	k := 0
	for size<<k < target {
		k++
	}
	return k
}

// tileInfo follows tile_info (AV1, 5.9.15).
func (r *av1Reader) tileInfo() error {
	f := r.frame
	shift := 4 // of superblocks, in units of 4 pixels
	if r.seq.large {
		shift = 5
	}
	blocks := func(pixels int) int { return (2*((pixels+7)>>3) + 1<<shift - 1) >> shift }
	columns, rows := blocks(f.width), blocks(f.height)
	widest := maxTileWidth >> (shift + 2)
	leastLog := max(tileLog2(maxTileArea>>(2*(shift+2)), rows*columns), tileLog2(widest, columns))
	if r.Flag() { // uniform_tile_spacing_flag
		f.columnsLog, f.columns = r.uniform(columns, tileLog2(widest, columns))
		f.rowsLog, f.rows = r.uniform(rows, max(leastLog-f.columnsLog, 0))
	} else {
		var width int
		f.columns, width = r.sizes(columns, widest)
		area := rows * columns
		if leastLog > 0 {
			area >>= leastLog + 1
		}
		f.rows, _ = r.sizes(rows, max(area/width, 1))
		f.columnsLog, f.rowsLog = tileLog2(1, f.columns), tileLog2(1, f.rows)
	}
	if f.columns > maxTiles || f.rows > maxTiles {
		return fmt.Errorf("%d x %d tiles, at most %d x %d are allowed: %w", f.columns, f.rows, maxTiles, maxTiles, media.ErrFormat)
	}
	if f.columnsLog+f.rowsLog > 0 {
		r.Skip(f.columnsLog + f.rowsLog) // context_update_tile_id
		f.sizeBytes = int(r.U(2)) + 1
	}
	return nil
}

// uniform reads into how many tiles of equal size the superblocks of one direction are split.
func (r *av1Reader) uniform(blocks, log int) (tilesLog, tiles int) {
	for most := tileLog2(1, min(blocks, maxTiles)); log < most && r.Flag(); {
		log++
	}
	size := (blocks + 1<<log - 1) >> log
	return log, (blocks + size - 1) / size
}

// sizes reads how many superblocks each tile of one direction has.
func (r *av1Reader) sizes(blocks, most int) (tiles, largest int) {
	for at := 0; at < blocks && tiles <= maxTiles; tiles++ {
		n := r.ns(min(blocks-at, most)) + 1
		at, largest = at+n, max(largest, n)
	}
	return tiles, largest
}

// ns reads a number below n (AV1, 4.10.7).
func (r *av1Reader) ns(n int) int {
	w := mathbits.Len(uint(n))
	m := 1<<w - n
	v := int(r.U(w - 1))
	if v < m {
		return v
	}
	return v<<1 - m + int(r.U(1))
}

// su reads a signed number of n bits (AV1, 4.10.6).
func (r *av1Reader) su(n int) int {
	v := int(r.U(n))
	return v - v>>(n-1)<<n
}

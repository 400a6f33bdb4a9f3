module github.com/mezzomedia/mezzo/examples

go 1.26.0

require github.com/mezzomedia/mezzo v0.0.0

replace github.com/mezzomedia/mezzo => ../

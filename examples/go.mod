module github.com/mezzomedia/mezzo/examples

go 1.26.0

require github.com/mezzomedia/mezzo v0.0.0

require (
	github.com/abema/go-mp4 v1.6.0 // indirect
	github.com/google/uuid v1.1.2 // indirect
)

replace github.com/mezzomedia/mezzo => ../

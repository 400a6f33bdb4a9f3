module github.com/mezzomedia/mezzo

go 1.26.0

require github.com/stretchr/testify v1.12.1

require (
	github.com/Eyevinn/mp4ff v0.54.0
	github.com/abema/go-mp4 v1.6.0
	github.com/asticode/go-astikit v0.30.0 // indirect
	github.com/asticode/go-astits v1.16.0
	github.com/google/uuid v1.1.2 // indirect
	github.com/grafov/m3u8 v0.12.1
	github.com/zencoder/go-dash/v3 v3.0.3
	go.yaml.in/yaml/v3 v3.0.5 // indirect
)

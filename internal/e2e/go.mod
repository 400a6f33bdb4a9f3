module github.com/mezzomedia/mezzo/internal/e2e

go 1.26.0

require (
	github.com/mezzomedia/mezzo v0.0.0
	github.com/stretchr/testify v1.12.1
)

require (
	github.com/asticode/go-astikit v0.30.0 // indirect
	github.com/asticode/go-astits v1.16.0 // indirect
	go.yaml.in/yaml/v3 v3.0.5 // indirect
)

replace github.com/mezzomedia/mezzo => ../../

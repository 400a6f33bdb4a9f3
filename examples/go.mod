module github.com/mezzomedia/mezzo/examples

go 1.26.0

require (
	github.com/mezzomedia/mezzo v0.0.0
	github.com/stretchr/testify v1.12.1
)

require (
	github.com/Eyevinn/mp4ff v0.54.0 // indirect
	github.com/abema/go-mp4 v1.6.0 // indirect
	github.com/google/uuid v1.1.2 // indirect
	github.com/zencoder/go-dash/v3 v3.0.3 // indirect
	go.yaml.in/yaml/v3 v3.0.5 // indirect
)

replace github.com/mezzomedia/mezzo => ../

module example.com/shop/api

go 1.24

require example.com/shop/lib v0.0.0

replace example.com/shop/lib => ../../lib

module baton/bench/runtime

go 1.19

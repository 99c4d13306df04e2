list
network

package main

func init() { listener = 1 }

"""Load: how many sockets follow one run, how late they are told, and what one costs."""

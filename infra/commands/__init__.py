"""The commands of `mos`; each is loaded when it is first named."""

"""Readers of code systems as their publishers give them out: files in, a listing or a refusal out.

A file is taken as a whole or not at all. `refusal` says where and why; it never repeats what a line holds, because
the descriptors of a licensed set must reach no message.
"""

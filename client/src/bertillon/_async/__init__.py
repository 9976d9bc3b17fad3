"""The asynchronous client, which is the source of the synchronous one."""

"""What runs in the peers' own environments; nothing here is imported by anything of ours but `note_job`."""

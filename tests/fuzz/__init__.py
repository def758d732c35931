"""Wrong and hostile command lines and files: every call must end as a user would expect."""

"""The only door to SQL. ``base`` says what can be asked of it, ``sql`` opens one."""

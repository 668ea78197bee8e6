"""What a cache is: columns of entries, selection language, statistics, errors. Pure: no I/O, no clock."""

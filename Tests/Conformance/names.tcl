# Appended to the helpers of the suite: the encodings of Redis 7 beside the names that 6.2 gave them.
proc assert_encoding {encoding key} {
    regexp { encoding:(\S+) } [r debug object $key] _ found
    set renamed [list $encoding]
    if {$encoding in {ziplist quicklist}} { lappend renamed listpack }
    if {$encoding eq "hashtable" && [r type $key] eq "set"} { lappend renamed listpack }
    if {$found ni $renamed} {
        error "assertion:Expected $key to be encoded as one of '$renamed', found '$found'"
    }
}

# rules.pl [--folders] FILE...: checks files against the tables below; prints "file:line: breach".
#
# A C file is read twice: as it is (columns, words) and with comments and the insides of strings
# blanked (functions, includes), so that prose can't break a rule about code. --folders adds the
# rules about whole folders. Status 1 when there is a breach.
use strict;
use warnings;
use utf8;
use open qw(:std :encoding(UTF-8));

my $COLUMNS = 100;         # of C
my $SCRIPT_COLUMNS = 120;  # of scripts and test programs in other languages
my $FILE_LINES = 800;
my $FUNCTION_LINES = 70;

# Assertions for each thousand functions of broker, controller and common. It may only rise: set it to
# what tidy prints when it does.
my ($ASSERTS_LEAST, $ASSERTS_LINE) = (592, __LINE__);

# Who may include what: files, the include that is wrong there unless in the exception, and why.
my @LAYERS = (
    [qr{^}, qr{^uv\.h$}, qr{^common/env/}, 'only common/env talks to libuv: use env/env.h'],
    [qr{^}, qr{^raft\.h$}, qr{^(controller|tests/unit/controller)/(raft_|consensus)|^tests/(sim|fuzz)/},
        'only controller/raft_* and consensus.* know the Raft library: use controller/consensus.h'],
    [qr{^common/}, qr{^(broker|controller|tools|tests)/}, undef,
        'common depends on nothing above it'],
    [qr{^common/config/}, qr{^(wire|kafka)/}, undef,
        'settings know the metadata, and nothing of the protocol'],
    [qr{^common/(base|env|wire|meta)/}, qr{^config/}, undef,
        'what settings are made of knows no settings: hand the values in'],
    [qr{^broker/}, qr{^(controller|tools|tests)/}, undef,
        'broker and controller meet in protobuf messages only (common/meta)'],
    [qr{^broker/cluster/}, qr{^broker/(?!cluster/|log/log_config\.h$)}, undef,
        'broker/cluster knows no other part of the broker: let them give it callbacks'],
    [qr{^broker/net/}, qr{^broker/(?!net/)}, undef,
        'broker/net knows no other part of the broker: it is given what it needs (server_deps)'],
    [qr{^controller/}, qr{^(broker|tools|tests)/}, undef,
        'broker and controller meet in protobuf messages only (common/meta)'],
    [qr{^broker/coordinator/}, qr{^broker/(?!(coordinator|replica)/)|^kafka/messages/}, undef,
        'broker/coordinator knows bytes, not who it coordinates: what records mean is its client\'s'],
    [qr{^broker/txn/}, qr{^broker/(?!(txn|coordinator|cluster)/|group/topic_pattern\.h$)}, undef,
        'broker/txn knows no partition and no request: it stands on broker/coordinator and broker/cluster'],
    [qr{^}, qr{^broker/log/(?!log_config\.h$)}, qr{^(broker/(log|replica)/|broker/broker\.c$|tools/server/|tests/)},
        'a log is the business of broker/replica: use its operations (broker/replica/partition_ops.h)'],
    [qr{^}, qr{^broker/replica/(?!(partition_ops|replica_manager)\.h$)}, qr{^(broker/replica/|tests/)},
        'the inside of broker/replica: use its operations (broker/replica/partition_ops.h)'],
    [qr{^tools/}, qr{^(controller|tests)/(?!raft_store_record\.h$)}, qr{^tools/server/},
        'only tools/server, the daemon, puts broker and controller together'],
    [qr{^tools/}, qr{^controller/raft_store_record\.h$}, qr{^tools/dump_metadata\.[ch]$},
        'only what reads the files of a controller knows their bytes: use tools/dump_metadata.h'],
);

# What must not be called outside common/base/mem.c, and what to call.
my %BANNED = (
    malloc => 'mem_alloc or mem_try_alloc', calloc => 'mem_alloc or mem_try_alloc',
    realloc => 'mem_realloc', free => 'mem_free', strdup => 'mem_strdup', asprintf => 'mem_printf',
    strcpy => 'snprintf or buf_printf', strcat => 'buf_printf', strncpy => 'snprintf',
    strncat => 'buf_printf', sprintf => 'snprintf', vsprintf => 'vsnprintf', atoi => 'strtol with checks',
    atol => 'strtol with checks', gets => 'fgets', alloca => 'an array with a named limit',
);
my $BANNED_WHERE = qr{^(common|broker|controller|tools)/.*\.[ch]$};
my $BANNED_EXCEPT = qr{^common/base/mem\.c$};

# The seam: what only common/env may call, in the folders that run in simulation.
my %SEAM = (
    clock_gettime => 'env_now_ms', gettimeofday => 'env_wall_ms', time => 'env_wall_ms',
    rand => 'env_random', random => 'env_random', getrandom => 'env_random', usleep => 'env_timer',
    sleep => 'env_timer', nanosleep => 'env_timer', socket => 'env_listen and env_connect',
    fopen => 'env_file', fsync => 'env_file', pthread_create => 'env_thread_start',
);
my $SEAM_WHERE = qr{^(common/(base|config|wire|kafka|meta)|broker|controller)/.*\.[ch]$};

# Whose insides no other folder may hold by pointer, or ask for.
my $INSIDES = qr{\bstruct\s+(?:partition|log)\s*\*|\bpartition_log\s*\(};
my $INSIDES_WHERE = qr{^(broker|common|controller|tools)/.*\.[ch]$};
my $INSIDES_EXCEPT = qr{^broker/(log|replica)/};

# Text that must not be in a file, whatever it is written in.
my @WORDS = (
    [qr{\b(TODO|FIXME|XXX|HACK)\b}, qr{^}, qr{^tests/tidy|^tests/tidy\.sh$|^README\.md$},
        'no notes to oneself on main: do it, or open an issue'],
    [qr{(?<![\w/.])/work/}, qr{^}, qr{^tests/tidy/}, 'no path of one machine'],
    [qr{\b(?:time\.)?(?:sleep|usleep|nanosleep)\s*\(|^\s*sleep \d}, qr{^tests/(unit|sim|cluster|clients)/},
        qr{^tests/cluster/lib/wait\.py$}, 'no bare sleep in a test: wait_until(condition, deadline)'],
);

my @breaches;
my $folders = @ARGV && $ARGV[0] eq '--folders' ? shift @ARGV : '';

sub breach {
    my ($file, $line, $text) = @_;
    push @breaches, "$file:$line: $text";
}

# Comments and the insides of strings become blanks; lines stay where they are. Include lines keep
# their names.
sub code_of {
    my ($text) = @_;
    my $blank = sub { my $s = shift; $s =~ s/[^\n]/ /g; $s };
    $text =~ s{(^[ \t]*\#[ \t]*include[^\n]*)|(/\*.*?\*/)|(//[^\n]*)|("(?:\\.|[^"\\\n])*")|('(?:\\.|[^'\\\n])+')}
              {defined $1 ? $1 : defined $4 ? '"' . $blank->(substr($4, 1, -1)) . '"' : $blank->($2 // $3 // $5)}gsme;
    return $text;
}

sub check_includes {
    my ($file, $code) = @_;
    my $number = 0;
    for my $line (split /\n/, $code) {
        $number++;
        next unless $line =~ m{^\s*\#\s*include\s*[<"]([^>"]+)[>"]};
        my $name = $1;
        for my $layer (@LAYERS) {
            my ($where, $what, $except, $why) = @$layer;
            breach($file, $number, "includes $name: $why")
                if $file =~ $where && $name =~ $what && !(defined $except && $file =~ $except);
        }
    }
}

sub check_calls {
    my ($file, $code) = @_;
    my %names;
    %names = %BANNED if $file =~ $BANNED_WHERE && $file !~ $BANNED_EXCEPT;
    %names = (%names, %SEAM) if $file =~ $SEAM_WHERE;
    return unless %names;
    my $pattern = join '|', sort keys %names;
    my $number = 0;
    for my $line (split /\n/, $code) {
        $number++;
        # A member (->free) and a field of that name are not the function.
        while ($line =~ m{(?<![\w.>])($pattern)\s*\(}g) {
            breach($file, $number, "$1 is not used here: write $names{$1}");
        }
    }
}

sub check_insides {
    my ($file, $code) = @_;
    return unless $file =~ $INSIDES_WHERE && $file !~ $INSIDES_EXCEPT;
    my $number = 0;
    for my $line (split /\n/, $code) {
        $number++;
        breach($file, $number, 'a partition is named by a reference and reached by operations: '
            . 'broker/replica/partition_ops.h') if $line =~ $INSIDES;
    }
}

# A function's body stands between { and } in the first column.
sub check_functions {
    my ($file, $code) = @_;
    my ($number, $start) = (0, 0);
    for my $line (split /\n/, $code) {
        $number++;
        $start = $number if $line =~ m/^\{\s*$/;
        if ($start && $line =~ m/^\}/) {
            my $length = $number - $start - 1;
            breach($file, $start, "a function of $length lines: $FUNCTION_LINES are the most, split it")
                if $length > $FUNCTION_LINES;
            $start = 0;
        }
    }
}

# A state moves by its table (base/state.h), in one function x_move and nowhere else. The state of a
# request is its handler's memory, that of a value is a field of a message: neither is one of these.
my $STATES_WHERE = qr{^(common|broker|controller)/.*\.[ch]$};

sub check_states {
    my ($file, $code) = @_;
    return unless $file =~ $STATES_WHERE && $file ne 'common/base/state.h';
    my ($number, $function, $open) = (0, '', 0);
    for my $line (split /\n/, $code) {
        $number++;
        $function = $1 if !$open && $line =~ m/^[a-z][\w \*]*?\b(\w+)\(/;
        $open = 1 if $line =~ m/^\{\s*$/;
        $open = 0 if $line =~ m/^\}/;
        next if $function =~ /_move$/;
        my $assigned = $line =~ m/(?<!\brequest)(->|(?!\bvalue)\b\w+\.)state\s*=(?!=)/;
        breach($file, $number, 'a state moves in x_move only, by its table: see common/base/state.h')
            if $assigned || $line =~ m/\bSTATE_MOVE(_TOLD)?\(/;
    }
}

sub check_c {
    my ($file, $text) = @_;
    my $code = code_of($text);
    check_includes($file, $code);
    check_calls($file, $code);
    check_insides($file, $code);
    check_functions($file, $code);
    check_states($file, $code);
    breach($file, 1, 'no head comment: say what it is, its happy path, its failure modes')
        if $file =~ /\.c$/ && $text !~ m{^/\*};
}

sub check_lines {
    my ($file, $text, $is_code) = @_;
    my $number = 0;
    for my $line (split /\n/, $text) {
        $number++;
        for my $rule (@WORDS) {
            my ($what, $where, $except, $why) = @$rule;
            breach($file, $number, $why) if $file =~ $where && $file !~ $except && $line =~ $what;
        }
        next unless $is_code;
        my $columns = $file =~ /\.[ch]$/ ? $COLUMNS : $SCRIPT_COLUMNS;
        breach($file, $number, length($line) . " columns: $columns are the most")
            if length($line) > $columns;
        breach($file, $number, 'a tab: indent by four spaces') if $line =~ /^ *\t/ && $file =~ /\.[ch]$/;
        breach($file, $number, 'blanks at the end of the line') if $line =~ /[ \t]$/;
    }
    breach($file, $number, "$number lines: $FILE_LINES are the most, split the file")
        if $is_code && $number > $FILE_LINES;
}

sub check_name {
    my ($file) = @_;
    breach($file, 1, 'name a file after the thing in it, not after its being useful')
        if $file =~ m{(^|/)(utils?|helpers?|misc|stuff|common|all|globals?)\.(c|h|py)$};
    breach($file, 1, 'file names are lower_snake') if $file =~ m{/[^/]*[A-Z-][^/]*\.[ch]$};
}

sub check_folders {
    my %has_code;
    my %has_readme;
    for my $file (@ARGV) {
        my ($folder) = $file =~ m{^(.*)/[^/]*$} or next;
        $has_code{$folder} = 1 if $file =~ /\.(c|proto|t|java)$/;
        $has_readme{$folder} = 1 if $file =~ m{/README\.md$};
    }
    for my $folder (sort keys %has_code) {
        # A folder of unit tests mirrors that of the sources; sources of a client lie below its README.
        next if $folder =~ m{^tests/unit/} || $folder =~ m{^tests/clients/[^/]+(/|$)};
        breach($folder, 0, 'a folder with code has a README.md of at most a screen')
            unless $has_readme{$folder};
    }
}

# A setting that nothing reads would be ignored in silence: the log names those without effect.
sub check_settings {
    check_settings_of($_) for 'common/config/config_table.h', 'common/config/config_idle.h';
}

sub check_settings_of {
    my ($table) = @_;
    open my $in, '<', $table or return;
    local $/;
    my $rows = <$in>;
    close $in;
    my $code = '';
    for my $file (grep { m{^(broker|common|controller|tools)/.*\.c$} && !m{/config_table\.c$} } @ARGV) {
        open my $source, '<', $file or die "$file: $!\n";
        $code .= code_of(scalar <$source>);
        close $source;
    }
    while ($rows =~ m{\bX\((\w+), ("(?:[^"])*".*?)(?=\bX\(|\#define|\z)}gs) {
        my ($id, $rest) = ($1, $2);
        my $line = 1 + (substr($rows, 0, $-[0]) =~ tr/\n//);
        breach($table, $line, "nothing reads CONFIG_$id: use it, or mark it CONFIG_NO_EFFECT")
            unless $rest =~ /CONFIG_NO_EFFECT|CONFIG_GUARD/ || $code =~ /\bCONFIG_$id\b/;
    }
}

# What is believed is asserted: the share of it may not fall.
sub check_asserts {
    my ($asserts, $functions) = (0, 0);
    for my $file (grep { m{^(broker|common|controller)/.*\.[ch]$} } @ARGV) {
        open my $in, '<', $file or die "$file: $!\n";
        local $/;
        my $code = code_of(scalar <$in>);
        close $in;
        $code =~ s/^[ \t]*#[ \t]*define[^\n]*//gm;
        $asserts++ while $code =~ m{\b(?:STATIC_)?ASSERT\(}g;
        $functions++ while $code =~ m{^\{[ \t]*$}gm;
    }
    return unless $functions;
    my $share = int(1000 * $asserts / $functions);
    breach('tests/tidy/rules.pl', $ASSERTS_LINE,
        "$share assertions for a thousand functions ($asserts for $functions), and there were "
            . "$ASSERTS_LEAST: assert what the new functions rest on")
        if $share < $ASSERTS_LEAST;
    print "tidy: $share assertions for a thousand functions: raise \$ASSERTS_LEAST in tests/tidy/rules.pl\n"
        if $share > $ASSERTS_LEAST;
}

for my $file (@ARGV) {
    next if -B $file && !-z $file;
    open my $in, '<', $file or die "$file: $!\n";
    local $/;
    my $text = <$in>;
    close $in;
    my $is_code = $file =~ /\.(c|h|py|t|sh|pl|proto|java)$/;
    check_lines($file, $text, $is_code);
    check_name($file);
    check_c($file, $text) if $file =~ /\.[ch]$/;
}
check_folders() if $folders;
check_settings() if $folders;
check_asserts() if $folders;
print "$_\n" for @breaches;
printf "tidy: %d breaches\n", scalar @breaches if @breaches;
exit(@breaches ? 1 : 0);

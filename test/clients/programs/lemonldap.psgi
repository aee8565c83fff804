# The portal of LemonLDAP::NG. GET /clock-ahead sets its clock one hour ahead, so that its access tokens have expired.
our $ahead;

BEGIN {
    $ahead = 0;
    *CORE::GLOBAL::time = sub () { CORE::time() + $ahead };

    # The portal loads this module also when no page has a captcha.
    $INC{'GD/SecurityImage.pm'} = __FILE__;
}
use Lemonldap::NG::Portal::Main;

my $portal = Lemonldap::NG::Portal::Main->run( {} );
sub {
    my ($env) = @_;
    return $portal->($env) if $env->{PATH_INFO} ne '/clock-ahead';
    $ahead = 3600;
    return [ 204, [], [] ];
};

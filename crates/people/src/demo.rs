//! The sign-in to the demo, whose administrator nobody invited: a link that begins a session without a form.

use auth::{ChosenCredentials, LinkPurpose, NewSecondFactor, OpaqueToken, RecoveryCode, SecondFactor};
use secrecy::SecretString;

use crate::{
    author::Client,
    enrollment::owner,
    error::PeopleError,
    people::{MAX_ATTEMPTS, People},
    sign_in::BegunSession,
};

impl People {
    /// Accepts an invitation with credentials that are made up: the second factor is known to nobody, and the password,
    /// which is asked for before sensitive changes, is returned. Only the surface of the demo calls this.
    ///
    /// # Errors
    /// [`PeopleError::LinkInvalid`] if this is no invitation that works, [`PeopleError::Busy`], or the store fails.
    pub async fn accept_demo_invitation(
        &self,
        token: &OpaqueToken,
        client: &Client,
    ) -> Result<(BegunSession, SecretString), PeopleError> {
        let words: Vec<RecoveryCode> = RecoveryCode::generate_all(&*self.parts.entropy);
        let password = words.iter().take(2).map(RecoveryCode::expose).collect::<Vec<_>>().join("-");
        let password = SecretString::from(password);
        let hash = self.pool.hash(password.clone()).await?;
        for _ in 0..MAX_ATTEMPTS {
            let details = self.link(token).await?;
            let user = details.user.as_ref().filter(|_| details.link.purpose == LinkPurpose::Invitation);
            let id = user.ok_or(PeopleError::LinkInvalid)?.meta.id;
            let timestamp = self.parts.store.begin_write();
            let (factors, entropy) = (&self.parts.second_factors, &*self.parts.entropy);
            let ciphertext = factors.encrypt(entropy, &owner(details.organization.id, id), &factors.generate(entropy));
            let factor = SecondFactor { ciphertext, enrolled_at: self.now(), last_step: 0 };
            let second_factor = Some(NewSecondFactor { factor, recovery_codes: Vec::new() });
            let chosen = ChosenCredentials { password: hash.clone(), second_factor };
            if let Some(begun) = self.use_link_once(&details, (id, None), chosen, timestamp, client).await? {
                return Ok((begun, password));
            }
        }
        Err(PeopleError::Contended)
    }
}
